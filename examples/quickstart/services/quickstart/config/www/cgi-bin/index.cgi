#!/bin/sh
# Adds one to the count in Redis and shows it. httpd runs this for `/`, as there is no index.html.
count=$(printf 'AUTH %s\r\nINCR visitors\r\nQUIT\r\n' "$STORE_PASSWORD" | nc -w 2 store 6379 | sed -n 's/^:\([0-9]*\).*/\1/p')

if [ -z "$count" ]; then
  printf 'Status: 503 Service Unavailable\r\nContent-Type: text/plain\r\n\r\nThe store does not answer.\n'
  exit
fi
printf 'Cache-Control: no-store\r\n'
case "$HTTP_ACCEPT" in
  *text/html*) printf 'Content-Type: text/html; charset=utf-8\r\n\r\n' && sed "s/@count@/$count/" /www/page.html ;;
  *) printf 'Content-Type: text/plain\r\n\r\nYou are visitor %s.\n' "$count" ;;
esac
