#!/bin/sh
# Answers one HTTP request from standard input; /realms/master names itself by the forwarded headers, as Keycloak does.
theme=/opt/keycloak/themes/custom-theme
proto=http
host=localhost

read -r method target _
while IFS= read -r line; do
  line="${line%$(printf '\r')}"
  [ -z "$line" ] && break
  value="${line#*: }"
  case "$(printf '%s' "${line%%:*}" | tr 'A-Z' 'a-z')" in
    host) host="$value" ;;
    x-forwarded-host) forwarded_host="$value" ;;
    x-forwarded-proto) proto="$value" ;;
  esac
done
base="$proto://${forwarded_host:-$host}"

answer() { # status, type, body, further header lines
  printf 'HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %s\r\n%bConnection: close\r\n\r\n' "$1" "$2" "${#3}" "${4:-}"
  [ "$method" = HEAD ] || printf '%s' "$3"
}

case "$target" in
  /realms/master)
    cookies='Set-Cookie: AUTH_SESSION_ID=1; Path=/; HttpOnly\r\nSet-Cookie: KC_RESTART=2; Path=/; HttpOnly\r\n'
    answer '200 OK' application/json "{\"realm\":\"master\",\"token-service\":\"$base/realms/master/protocol/openid-connect\"}" "$cookies"
    ;;
  *..*) answer '400 Bad Request' text/plain 'no' ;;
  /resources/*.css)
    file="$theme/${target#/resources/}"
    [ -f "$file" ] || file="$theme/login$target"
    if [ -f "$file" ]; then answer '200 OK' text/css "$(cat "$file")"; else answer '404 Not Found' text/plain 'no such resource'; fi
    ;;
  /) answer '302 Found' text/plain '' "Location: $base/admin/\r\n" ;;
  *) answer '404 Not Found' application/json '{"error":"not found"}' ;;
esac
