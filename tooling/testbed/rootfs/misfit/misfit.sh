#!/bin/sh
# The test app with a fault of its own, chosen by its environment:
#   EXIT_AFTER=secs   ends with code 1 that long after each start
#   BREAK_AFTER=secs  fails /cgi-bin/health from that long after each start
#   EAT_MEMORY=secs   begins to take ever more memory that long after each start
# Pages besides the app's: /cgi-bin/flap fails FLAP times (2), succeeds once, and so on.
rm -f /tmp/exit /tmp/broken
[ -n "${EXIT_AFTER:-}" ] && { sleep "$EXIT_AFTER" && echo 1 > /tmp/exit; } &
[ -n "${BREAK_AFTER:-}" ] && { sleep "$BREAK_AFTER" && touch /tmp/broken; } &
if [ -n "${EAT_MEMORY:-}" ]; then
  echo "eats memory in $EAT_MEMORY s"
  sleep "$EAT_MEMORY"
  eaten=0123456789abcdef
  # In process 1 itself, so that its end is the container's.
  while :; do eaten=$eaten$eaten; done
fi
exec /entrypoint.sh
