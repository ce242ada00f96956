-- A slot that nobody reads yet is filled without what only its readers need: without secondary indexes (0020), and without autovacuum, which
-- read the same pages again and again behind the rows that came in. Vacuum and the sampling of documents took 2 of the 5.9 CPU seconds that
-- the primary spent on 100,000 events. (Without primary keys, made at the end like the indexes, it took neither more nor less.)
SET LOCAL ROLE spark_owner;

-- Which slot of a read model is being filled: partitions that are made meanwhile have to know.
ALTER TABLE spark.read_model_slots ADD COLUMN filling text CHECK (filling IN ('blue', 'green'));

-- The tables that hold the rows of one relation of a slot: its partitions, or itself.
CREATE FUNCTION spark.storage_of(slot_schema name, table_name name) RETURNS SETOF regclass
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT c.oid::regclass FROM pg_class c
  WHERE c.relkind = 'r' AND (c.oid = to_regclass(format('%I.%I', slot_schema, table_name))
    OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(format('%I.%I', slot_schema, table_name))))
  ORDER BY c.relname;
END;
REVOKE ALL ON FUNCTION spark.storage_of(name, name) FROM PUBLIC;

-- ANALYZE shall not sample documents and bytes: nothing is looked for in them, and comparing 30,000 of them takes longer than all the rest.
CREATE FUNCTION spark.leave_documents_unsampled(target regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  document name;
BEGIN
  FOR document IN SELECT attname FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped
      AND atttypid IN ('jsonb'::regtype, 'json'::regtype, 'bytea'::regtype) AND attstattarget IS DISTINCT FROM 0 LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS 0', target, document);
  END LOOP;
END
$body$;
REVOKE ALL ON FUNCTION spark.leave_documents_unsampled(regclass) FROM PUBLIC;

-- Takes away what a slot that is not live does without while it is filled; spark.make_slot_indexes brings it back.
CREATE FUNCTION spark.begin_fill(slot_schema name, table_name name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  part regclass;
BEGIN
  -- refuses a slot that readers use
  PERFORM spark.drop_slot_indexes(slot_schema, table_name);
  UPDATE spark.read_model_slots SET filling = substr(slot_schema, 7) WHERE read_model = table_name;
  FOR part IN SELECT spark.storage_of(slot_schema, table_name) LOOP
    EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)', part);
  END LOOP;
END
$body$;
REVOKE ALL ON FUNCTION spark.begin_fill(name, name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spark.begin_fill(name, name) TO spark_projector;

-- As 0020 made it, and with what begin_fill took away.
CREATE OR REPLACE FUNCTION spark.make_slot_indexes(slot_schema name, table_name name) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  live name := (SELECT 'spark_' || slot FROM spark.read_model_slots WHERE read_model = table_name);
  wanted record;
  part regclass;
  made integer := 0;
BEGIN
  IF live IS NULL THEN
    RAISE EXCEPTION '% is no read model', table_name USING ERRCODE = 'undefined_object';
  END IF;
  FOR wanted IN SELECT * FROM spark.index_statements(live, slot_schema, table_name) LOOP
    CONTINUE WHEN to_regclass(format('%I.%I', slot_schema, wanted.index_name)) IS NOT NULL;
    EXECUTE wanted.statement;
    made := made + 1;
  END LOOP;
  UPDATE spark.read_model_slots SET filling = NULL WHERE read_model = table_name AND 'spark_' || filling = slot_schema;
  FOR part IN SELECT c.oid::regclass FROM pg_class c
      WHERE c.oid IN (SELECT spark.storage_of(slot_schema, table_name)) AND 'autovacuum_enabled=off' = ANY (c.reloptions) LOOP
    EXECUTE format('ALTER TABLE %s RESET (autovacuum_enabled, toast.autovacuum_enabled)', part);
  END LOOP;
  EXECUTE format('ANALYZE %I.%I', slot_schema, table_name);
  RETURN made;
END
$body$;

-- As 0022 made it. Autovacuum leaves a partition alone as long as its table is being filled.
CREATE OR REPLACE FUNCTION spark.make_partition(holder name, parent name, part name, lower_bound timestamptz, width interval) RETURNS void
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
  PERFORM spark.leave_documents_unsampled(format('%I.%I', holder, part)::regclass);
  IF EXISTS (SELECT FROM spark.read_model_slots WHERE read_model = parent AND 'spark_' || filling = holder) THEN
    EXECUTE format('ALTER TABLE %I.%I SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)', holder, part);
  END IF;
END
$body$;

-- As 0020 made it. What is filled at this moment is no model for its twin in that.
CREATE OR REPLACE FUNCTION spark.make_twin(to_schema name, table_name name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  source pg_class;
  target text := format('%I.%I', to_schema, table_name);
  options text;
  made text;
BEGIN
  SELECT * INTO STRICT source FROM pg_class WHERE oid = format('spark_blue.%I', table_name)::regclass;
  IF source.relkind = 'v' THEN
    IF to_regclass(target) IS NULL THEN
      EXECUTE format('CREATE VIEW %s AS %s', target, replace(pg_get_viewdef(source.oid), 'spark_blue.', quote_ident(to_schema) || '.'));
    END IF;
    RETURN;
  END IF;
  IF to_regclass(target) IS NULL THEN
    EXECUTE format('CREATE TABLE %s (LIKE spark_blue.%I INCLUDING ALL EXCLUDING INDEXES)%s', target, table_name,
      CASE WHEN source.relkind = 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(source.oid) ELSE '' END);
    FOR made IN SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', target, conname, pg_get_constraintdef(oid))
      FROM pg_constraint WHERE conrelid = source.oid AND contype IN ('p', 'u') LOOP
      EXECUTE made;
    END LOOP;
    FOR made IN SELECT statement FROM spark.index_statements('spark_blue', to_schema, table_name) LOOP
      EXECUTE made;
    END LOOP;
    PERFORM spark.leave_documents_unsampled(target::regclass);
  END IF;
  SELECT string_agg(each, ', ') INTO options FROM unnest(source.reloptions) AS each WHERE each NOT LIKE 'autovacuum_enabled=%';
  IF options IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s SET (%s)', target, options);
  END IF;
END
$body$;

-- What is there already. A partitioned table hands it on to its partitions.
DO $there$
DECLARE
  kept regclass;
BEGIN
  FOR kept IN SELECT c.oid FROM pg_class c
    WHERE c.relnamespace IN ('spark_blue'::regnamespace, 'spark_green'::regnamespace) AND c.relkind IN ('r', 'p') LOOP
    PERFORM spark.leave_documents_unsampled(kept);
  END LOOP;
  -- Every 15 seconds 2 % of new commands were reason enough to sample the whole table.
  FOREACH kept IN ARRAY ARRAY['spark_blue.command_states', 'spark_green.command_states']::regclass[] LOOP
    EXECUTE format('ALTER TABLE %s SET (autovacuum_analyze_scale_factor = 0.1)', kept);
  END LOOP;
END
$there$;
