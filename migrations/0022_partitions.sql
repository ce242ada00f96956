-- Partitions of the slots' tables by UTC day, or by hour where a day would be too large; and what retention has cut away.
SET LOCAL ROLE spark_owner;

DROP FUNCTION spark.ensure_day_partitions(name, name, date[]);

-- One partition. A plain table is made and then attached: ATTACH lets readers and writers of the parent go on, while CREATE ...
-- PARTITION OF would lock them out (on the standby too).
CREATE FUNCTION spark.make_partition(holder name, parent name, part name, lower_bound timestamptz, width interval) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $body$
DECLARE
  upper_bound timestamptz := lower_bound + width;
BEGIN
  -- what a drop that was cut off half way has detached and not removed
  EXECUTE format('DROP TABLE IF EXISTS %I.%I', holder, part);
  EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING DEFAULTS INCLUDING STORAGE)', holder, part, holder, parent);
  EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT bounds CHECK (ts >= %L AND ts < %L)', holder, part, lower_bound, upper_bound);
  EXECUTE format('ALTER TABLE %I.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)', holder, parent, holder, part, lower_bound, upper_bound);
  -- the partition bound says the same: do not pay for it at every row
  EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT bounds', holder, part);
END
$body$;
REVOKE ALL ON FUNCTION spark.make_partition(name, name, name, timestamptz, interval) FROM PUBLIC;

-- Makes what is missing for these moments; answers how many. A day is one partition or 24, never both: a day that has a day partition
-- stays so, and one that has hours gets hours. There is no DEFAULT partition: it would have to be searched at every attach.
CREATE FUNCTION spark.ensure_partitions(holder name, parent name, moments timestamptz[], by_hour boolean) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET TimeZone = 'UTC'
AS $body$
DECLARE
  whole oid;
  moment timestamptz;
  day timestamptz;
  of_day text;
  hour timestamptz;
  made integer := 0;
  there text[];
BEGIN
  SELECT c.oid INTO whole FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = holder AND c.relname = parent AND c.relkind = 'p' AND c.relowner = 'spark_owner'::regrole;
  IF whole IS NULL THEN
    RAISE EXCEPTION '%.% is not a partitioned table of SPARK', holder, parent USING ERRCODE = 'wrong_object_type';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended(format('spark.ensure_partitions:%s.%s', holder, parent), 0));
  there := ARRAY(SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = whole);
  FOREACH moment IN ARRAY moments LOOP
    day := date_trunc('day', moment);
    of_day := parent || '_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN of_day = ANY (there);
    IF NOT by_hour AND NOT EXISTS (SELECT FROM unnest(there) AS part WHERE length(part) = length(of_day) + 2 AND starts_with(part, of_day)) THEN
      PERFORM spark.make_partition(holder, parent, of_day::name, day, interval '1 day');
      there := there || of_day;
      made := made + 1;
      CONTINUE;
    END IF;
    FOR hour IN SELECT generate_series(day, day + interval '23 hours', interval '1 hour') LOOP
      CONTINUE WHEN by_hour AND hour <> date_trunc('hour', moment);
      CONTINUE WHEN of_day || to_char(hour, 'HH24') = ANY (there);
      PERFORM spark.make_partition(holder, parent, (of_day || to_char(hour, 'HH24'))::name, hour, interval '1 hour');
      there := there || (of_day || to_char(hour, 'HH24'));
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END
$body$;
REVOKE ALL ON FUNCTION spark.ensure_partitions(name, name, timestamptz[], boolean) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spark.ensure_partitions(name, name, timestamptz[], boolean) TO spark_projector;

-- What retention took out of the read models, each at its place in the log: everything up to `at_seq` was folded when the rows of
-- before `slice_end` went. A rebuild cuts at the same places, and so comes to the same rows.
CREATE TABLE spark.retention_cuts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- which log `at_seq` counts in
  stream_created text NOT NULL,
  at_seq bigint NOT NULL,
  -- src/projections/retention/rules.ts
  rule text NOT NULL,
  -- the moment below which rows may go, and up to which of them this cut went (many rows go in several cuts)
  before timestamptz NOT NULL,
  slice_end timestamptz NOT NULL,
  rows bigint NOT NULL,
  cut_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX retention_cuts_at_seq ON spark.retention_cuts (at_seq, id);
CREATE INDEX retention_cuts_rule ON spark.retention_cuts (rule, before);

GRANT SELECT, INSERT ON spark.retention_cuts TO spark_projector;
GRANT SELECT ON spark.retention_cuts TO spark_ingest, spark_dashboard_ro;

-- Rows of a certain age go by batched DELETE. VACUUM shall not cut the tail of these tables off: that takes an exclusive lock, which
-- the standby replays, and so readers there would wait or fail for a few pages' sake.
DO $rows$
DECLARE
  kept regclass;
BEGIN
  FOR kept IN SELECT c.oid FROM pg_class c
    WHERE c.relnamespace IN ('spark_blue'::regnamespace, 'spark_green'::regnamespace) AND c.relkind = 'r' AND NOT c.relispartition LOOP
    EXECUTE format('ALTER TABLE %s SET (vacuum_truncate = off, toast.vacuum_truncate = off)', kept);
  END LOOP;
END
$rows$;
