#!/bin/sh
# A web server with a will of its own, for tests. What it does is chosen by its environment:
#   FAIL_START=1         says why on standard error and exits with 1
#   LISTEN_AFTER=secs    opens its port only then
#   READY_AFTER=secs     answers /cgi-bin/ready with 503 until then
#   IGNORE_TERM=1        does not stop when asked to, so that it has to be killed
#   STOP_AFTER=secs      takes that long to stop
#   LOG_LINES=n          writes that many numbered lines first
# Pages: / /version /cgi-bin/{ready,health,break,mend,exit,env,headers,slow,cookies,redirect,write,echo}
set -u

i=0
while [ "$i" -lt "${LOG_LINES:-0}" ]; do
  i=$((i + 1))
  echo "line $i"
done

if [ "${FAIL_START:-}" = 1 ]; then
  echo "cannot start: FAIL_START is set" >&2
  exit 1
fi

echo "app version $VERSION on $(hostname) starts"
printf '%s\n' "$VERSION" > /www/version
printf '<!doctype html><title>app</title><p>version %s on %s</p>\n' "$VERSION" "$(hostname)" > /www/index.html
date +%s > /tmp/started

# Process 1 has no default reaction to signals: without a trap the server would have to be killed.
stop() {
  [ "${IGNORE_TERM:-}" = 1 ] && echo "asked to stop, does not" && return
  echo "stops"
  sleep "${STOP_AFTER:-0}"
  exit 0
}
trap stop TERM INT

[ -n "${LISTEN_AFTER:-}" ] && { sleep "$LISTEN_AFTER" & wait $!; }
httpd -f -p "${PORT:-8080}" -h /www &
server=$!
echo "listens on ${PORT:-8080}"

while kill -0 "$server" 2>/dev/null; do
  [ -f /tmp/exit ] && exit "$(cat /tmp/exit)"
  sleep 0.2 &
  wait $!
done
exit 1
