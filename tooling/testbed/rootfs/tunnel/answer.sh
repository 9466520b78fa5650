#!/bin/sh
# Accepts the upgrade of one connection to a WebSocket, and gives back every byte of it from then on.
key=
while IFS= read -r line; do
  line="${line%$(printf '\r')}"
  [ -z "$line" ] && break
  case "$(printf '%s' "${line%%:*}" | tr 'A-Z' 'a-z')" in
    sec-websocket-key) key="${line#*: }" ;;
  esac
done
if [ -z "$key" ]; then
  printf 'HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n'
  exit
fi
# RFC 6455 section 4.2.2: SHA-1 of the key and this GUID.
accept=$(printf '%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11' "$key" | sha1sum | cut -c 1-40 | xxd -r -p | base64)
printf 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n' "$accept"
exec cat
