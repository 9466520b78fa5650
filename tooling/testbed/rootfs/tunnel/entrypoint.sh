#!/bin/sh
# Echoes over WebSocket connections, on 8080.
trap 'exit 0' TERM INT
nc -ll -p 8080 -e /answer.sh &
wait $!
