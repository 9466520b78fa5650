#!/bin/sh
# Behaves as the public image's for what services use: POSTGRES_{DB,USER,PASSWORD}, PGDATA, first start, /docker-entrypoint-initdb.d.
set -eu

case "${1:-}" in
  -*) set -- postgres "$@" ;;
esac
[ "${1:-}" = postgres ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /var/run/postgresql
  chown -R postgres:postgres "$PGDATA" /var/run/postgresql
  chmod 0700 "$PGDATA"
  exec su -s /bin/sh -c 'exec "$0" "$@"' -- postgres "$0" "$@"
fi

user="${POSTGRES_USER:-postgres}"
db="${POSTGRES_DB:-$user}"

initialise() {
  if [ -z "${POSTGRES_PASSWORD:-}" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
    echo "Error: Database is uninitialized and superuser password is not specified. Set POSTGRES_PASSWORD." >&2
    exit 1
  fi
  printf '%s\n' "${POSTGRES_PASSWORD:-}" > /tmp/pw
  initdb --username="$user" --pwfile=/tmp/pw --encoding=UTF8 --locale=C.UTF-8 "$PGDATA"
  rm /tmp/pw
  printf 'host all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
  # Only on its socket until all is set up, so that nobody who waits for the port sees half a database.
  pg_ctl -D "$PGDATA" -o "-c listen_addresses=" -w start
  if [ "$db" != postgres ]; then
    echo 'CREATE DATABASE :"db";' | psql -v ON_ERROR_STOP=1 -U "$user" -d postgres -v db="$db"
  fi
  for file in /docker-entrypoint-initdb.d/*.sql; do
    [ -f "$file" ] && psql -v ON_ERROR_STOP=1 -U "$user" -d "$db" -f "$file"
  done
  pg_ctl -D "$PGDATA" -m fast -w stop
  echo "PostgreSQL init process complete; ready for start up."
}

if [ -s "$PGDATA/PG_VERSION" ]; then
  echo "PostgreSQL Database directory appears to contain a database; Skipping initialization"
else
  initialise
fi

# Told to end, PostgreSQL would wait for every client to leave; a fast shutdown asks them to go and is as clean.
"$@" -c 'listen_addresses=*' &
server=$!
trap 'kill -INT "$server"' TERM INT
while kill -0 "$server" 2> /dev/null; do
  code=0
  wait "$server" || code=$?
done
exit "$code"
