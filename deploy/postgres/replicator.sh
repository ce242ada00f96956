#!/bin/bash
# Runs once, when the primary's data folder is made: the role the standby streams as.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v password="$SPARK_REPLICATION_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE ROLE spark_replicator REPLICATION LOGIN PASSWORD :'password';
SQL
echo 'host replication spark_replicator all scram-sha-256' >> "$PGDATA/pg_hba.conf"
