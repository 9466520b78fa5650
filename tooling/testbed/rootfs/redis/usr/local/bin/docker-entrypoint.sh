#!/bin/sh
# Behaves as the public image's: options alone mean redis-server, and redis-server does not stay root.
set -e
case "${1:-}" in
  -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
  chown -R redis:redis .
  exec su -s /bin/sh -c 'exec "$0" "$@"' -- redis "$@"
fi
exec "$@"
