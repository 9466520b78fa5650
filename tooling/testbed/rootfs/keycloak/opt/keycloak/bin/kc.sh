#!/bin/sh
# Stands in for Keycloak: takes its command line, needs its database to start, takes a while to boot,
# and then answers on 8080. KC_BOOT_SECS is how long the boot takes.
set -u
say() { printf '%s %-5s [standin] %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S')" "$1" "$2"; }

case "${1:-}" in
  start | start-dev) ;;
  *)
    say ERROR "unknown command '${1:-}' (try: start)"
    exit 2
    ;;
esac

# jdbc:postgresql://keycloak-db:5432/keycloak?ssl=false
address="${KC_DB_URL:-}"
address="${address#*://}"
address="${address%%/*}"
host="${address%%:*}"
port="${address##*:}"
[ "$port" = "$address" ] && port=5432
if [ -z "$host" ]; then
  say ERROR "KC_DB_URL is not set"
  exit 1
fi
if ! timeout 3 nc -w 2 "$host" "$port" < /dev/null > /dev/null 2>&1; then
  say ERROR "Failed to obtain JDBC connection: $host:$port refused (KC_DB_URL)"
  exit 1
fi
say INFO "database at $host:$port accepts connections"

if touch /opt/keycloak/themes/custom-theme/.probe 2> /tmp/said; then
  rm -f /opt/keycloak/themes/custom-theme/.probe
  say WARN "the theme directory is writable"
else
  say INFO "the theme directory is not writable: $(cat /tmp/said)"
fi

trap 'say INFO "stopped"; exit 0' TERM INT
sleep "${KC_BOOT_SECS:-2}" &
wait $!
nc -ll -p 8080 -e /opt/keycloak/bin/answer.sh &
say INFO "Keycloak (stand-in) started, listening on http://0.0.0.0:8080"
wait $!
