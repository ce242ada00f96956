-- Partitions by UTC day, made ahead by the projector through this function: it may not create tables by itself.
-- A plain table is made and then attached, because ATTACH lets readers and writers of the parent go on, while
-- CREATE ... PARTITION OF would lock them out (on the standby too).
SET LOCAL ROLE spark_owner;

CREATE FUNCTION spark.ensure_day_partitions(parent name, days date[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  day date;
  part name;
  lower_bound text;
  upper_bound text;
  made integer := 0;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'spark'::regnamespace AND relname = parent AND relkind = 'p') THEN
    RAISE EXCEPTION 'spark.% is not a partitioned table', parent USING ERRCODE = 'wrong_object_type';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('spark.ensure_day_partitions'));
  FOREACH day IN ARRAY days LOOP
    part := parent || '_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(format('spark.%I', part)) IS NOT NULL;
    lower_bound := to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00';
    upper_bound := to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00';
    EXECUTE format('CREATE TABLE spark.%I (LIKE spark.%I INCLUDING DEFAULTS INCLUDING STORAGE)', part, parent);
    EXECUTE format('ALTER TABLE spark.%I ADD CONSTRAINT bounds CHECK (ts >= %L AND ts < %L)', part, lower_bound, upper_bound);
    EXECUTE format('ALTER TABLE spark.%I ATTACH PARTITION spark.%I FOR VALUES FROM (%L) TO (%L)', parent, part, lower_bound, upper_bound);
    -- the partition bound says the same: do not pay for it at every row
    EXECUTE format('ALTER TABLE spark.%I DROP CONSTRAINT bounds', part);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$body$;

REVOKE ALL ON FUNCTION spark.ensure_day_partitions(name, date[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spark.ensure_day_partitions(name, date[]) TO spark_projector;
