#!/bin/sh
# Takes a token in the volume /data every 100 ms, and tells when another does so at the same time:
#   /data/tokens    one line for each token: seconds since the machine's boot, who took it
#   /data/overlaps  one line for each time that a writer who still took tokens found another's
# The clock is the machine's own, so that the lines of several containers compare.
me=$(hostname)
echo "$me takes tokens"

take() {
  read -r now _ < /proc/uptime
  read -r owner < /data/owner 2> /dev/null || owner=
  # Whoever comes new takes over without a word; whoever was here and finds another has company.
  [ -n "${taken:-}" ] && [ "$owner" != "$me" ] && echo "$now $me found $owner" >> /data/overlaps
  echo "$me" > /data/owner.$me && mv /data/owner.$me /data/owner
  echo "$now $me" >> /data/tokens
  taken=yes
}

trap 'take; exit 0' TERM INT
while :; do
  take
  sleep 0.1 &
  wait $!
done
