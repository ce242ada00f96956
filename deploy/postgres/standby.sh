#!/bin/sh
# A streaming standby: copies the primary when its folder is empty, then runs. Postgres refuses to be root.
set -eu
if [ "$(id -u)" = 0 ]; then
  install -d -o postgres -g postgres -m 0700 "$(dirname "$PGDATA")" "$PGDATA"
  exec gosu postgres sh "$0"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  until pg_basebackup -h "$PRIMARY_HOST" -U spark_replicator -D "$PGDATA" -R -X stream -c fast; do
    find "$PGDATA" -mindepth 1 -delete
    sleep 1
  done
fi
exec postgres \
  -c hot_standby_feedback=on \
  -c max_standby_streaming_delay=3s \
  -c max_locks_per_transaction=256 \
  -c wal_receiver_status_interval=1s
