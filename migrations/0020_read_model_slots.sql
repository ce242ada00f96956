-- Every table the log is projected into lives twice, with the same layout: in spark_blue and in spark_green. A pointer row says which of
-- the two is live, and the relation of the same name in schema spark shows that one. A rebuild fills the other slot and flips the pointer:
-- an UPDATE, no lock that a reader would wait for, on the standby either (docs/adr/0018-blue-and-green-slots.md).
CREATE SCHEMA spark_blue;
CREATE SCHEMA spark_green;
GRANT USAGE, CREATE ON SCHEMA spark_blue, spark_green TO spark_owner;
GRANT USAGE ON SCHEMA spark_blue, spark_green TO spark_projector, spark_ingest, spark_dashboard_ro;

SET LOCAL ROLE spark_owner;

-- Grows with every flip: a projector at work finds it changed in the row it locks first, and looks where to write from then on.
ALTER TABLE spark.checkpoints ADD COLUMN slots_version bigint NOT NULL DEFAULT 0;
GRANT DELETE ON spark.checkpoints TO spark_projector;

CREATE TABLE spark.read_model_slots (
  -- the name of the table in both slots
  read_model text PRIMARY KEY,
  slot text NOT NULL DEFAULT 'blue' CHECK (slot IN ('blue', 'green')),
  -- which slots readers of schema spark touch: both after a flip, while statements and snapshots from before it may still run
  readable text NOT NULL DEFAULT 'blue' CHECK (readable IN (slot, 'both')),
  readable_since timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

GRANT SELECT ON spark.read_model_slots TO spark_projector, spark_ingest, spark_dashboard_ro;

-- What schema spark shows of the slots, and by which pointer.
CREATE TABLE spark.read_model_views (
  view_name text PRIMARY KEY,
  read_model text NOT NULL REFERENCES spark.read_model_slots
);

-- The tables of before, with their rows, become the blue ones.
DROP VIEW spark.spark_commands;
DROP FUNCTION spark.ensure_day_partitions(name, date[]);
DO $move$
DECLARE
  moved text;
  part regclass;
BEGIN
  FOREACH moved IN ARRAY ARRAY['spark_events', 'command_states', 'spark_function_calls', 'spark_generated_scripts', 'spark_previews',
    'spark_build_jobs', 'spark_operations', 'spark_images', 'spark_sessions', 'spark_usage'] LOOP
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = format('spark.%I', moved)::regclass LOOP
      EXECUTE format('ALTER TABLE %s SET SCHEMA spark_blue', part);
    END LOOP;
    EXECUTE format('ALTER TABLE spark.%I SET SCHEMA spark_blue', moved);
  END LOOP;
END
$move$;
-- by the view alone: there it sees that an image exists, not what is in it
REVOKE ALL ON spark_blue.spark_images FROM spark_dashboard_ro;

-- What of the log could not be projected is a fold of it too; the letters of the stream are not.
CREATE TABLE spark_blue.projector_dead_letters (
  seq bigint PRIMARY KEY,
  ts timestamptz NOT NULL,
  reason text NOT NULL,
  last_error text NOT NULL,
  session_id text,
  editor text,
  command_id text,
  body text NOT NULL,
  body_truncated boolean NOT NULL
);
CREATE INDEX projector_dead_letters_ts ON spark_blue.projector_dead_letters (ts);

INSERT INTO spark_blue.projector_dead_letters (seq, ts, reason, last_error, session_id, editor, command_id, body, body_truncated)
SELECT id, ts, reason, last_error, session_id, editor, command_id, body, body_truncated
FROM spark.spark_dead_letters WHERE source = 'projector';
DELETE FROM spark.spark_dead_letters WHERE source = 'projector';
ALTER TABLE spark.spark_dead_letters RENAME TO stream_dead_letters;
REVOKE ALL ON spark.stream_dead_letters FROM spark_dashboard_ro;

-- The definitions of a table's indexes that serve no constraint, as statements that make them on the same table of another schema.
CREATE FUNCTION spark.index_statements(from_schema name, to_schema name, table_name name) RETURNS TABLE (index_name name, statement text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
  SELECT c.relname, replace(replace(pg_get_indexdef(i.indexrelid),
    format(' ON ONLY %I.%I ', from_schema, table_name), format(' ON %I.%I ', from_schema, table_name)),
    format(' ON %I.%I ', from_schema, table_name), format(' ON %I.%I ', to_schema, table_name))
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
  WHERE i.indrelid = to_regclass(format('%I.%I', from_schema, table_name))
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
  ORDER BY c.relname;
END;
REVOKE ALL ON FUNCTION spark.index_statements(name, name, name) FROM PUBLIC;

-- Makes the same table (or view) as there is in spark_blue in another schema of ours: the green slot, or a scratch one. Safe to repeat.
CREATE FUNCTION spark.make_twin(to_schema name, table_name name) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  source pg_class;
  target text := format('%I.%I', to_schema, table_name);
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
  END IF;
  IF source.reloptions IS NOT NULL THEN
    EXECUTE format('ALTER TABLE %s SET (%s)', target, array_to_string(source.reloptions, ', '));
  END IF;
END
$body$;
REVOKE ALL ON FUNCTION spark.make_twin(name, name) FROM PUBLIC;

-- Where schema spark takes the rows of a relation from. It is a function because one can be replaced without a lock on what readers use,
-- and the planner puts its body in place of the call: conditions, orders and limits reach the table as if it were named. Touching only the
-- live slot, a reader never waits for what a rebuild does with the other.
CREATE FUNCTION spark.point_view(shown name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  pointer spark.read_model_slots;
  names text;
  types text;
  body text;
BEGIN
  SELECT p.* INTO STRICT pointer FROM spark.read_model_slots p JOIN spark.read_model_views v USING (read_model) WHERE v.view_name = shown;
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum), string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum)
  INTO names, types
  FROM pg_attribute WHERE attrelid = format('spark_blue.%I', shown)::regclass AND attnum > 0 AND NOT attisdropped;
  SELECT string_agg(format('SELECT %s FROM %I.%I', names, 'spark_' || side, shown) ||
      CASE pointer.readable WHEN 'both'
        THEN format(' WHERE (SELECT p.slot FROM spark.read_model_slots p WHERE p.read_model = %L) = %L', pointer.read_model, side) ELSE '' END,
      ' UNION ALL ' ORDER BY side)
  INTO body
  FROM unnest(ARRAY['blue', 'green']) AS side WHERE pointer.readable IN (side, 'both');
  EXECUTE format('CREATE OR REPLACE FUNCTION spark.%I() RETURNS TABLE (%s) LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC %s; END',
    'live_' || shown, types, body);
END
$body$;
REVOKE ALL ON FUNCTION spark.point_view(name) FROM PUBLIC;

CREATE FUNCTION spark.refuse_write() RETURNS trigger LANGUAGE plpgsql
AS $body$
BEGIN
  RAISE EXCEPTION 'spark.% shows what the log says: only the projector writes it, into its slot', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$body$;

-- Shows a relation of the slots in schema spark, under its own name. For a new read model: make the table in spark_blue, then call this; again
-- after columns were added to both slots. `pointer`: the read model whose pointer decides (its own by default; a view over a read model of
-- the slots names that). `dashboard_columns`: all a dashboard may see of it, where that is not everything.
CREATE FUNCTION spark.publish_read_model(table_name name, pointer name DEFAULT NULL, dashboard_columns name[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  owner_model text := coalesce(pointer, table_name);
  is_view boolean := (SELECT relkind = 'v' FROM pg_class WHERE oid = format('spark_blue.%I', table_name)::regclass);
  rows_of text := 'live_' || table_name;
  side text;
  names text;
BEGIN
  PERFORM spark.make_twin('spark_green', table_name);
  FOREACH side IN ARRAY ARRAY['spark_blue', 'spark_green'] LOOP
    EXECUTE format('GRANT SELECT ON %I.%I TO spark_projector, spark_ingest', side, table_name);
    IF NOT is_view THEN
      EXECUTE format('GRANT INSERT, UPDATE, DELETE, TRUNCATE ON %I.%I TO spark_projector', side, table_name);
    END IF;
    IF dashboard_columns IS NULL THEN
      EXECUTE format('GRANT SELECT ON %I.%I TO spark_dashboard_ro', side, table_name);
    END IF;
  END LOOP;
  INSERT INTO spark.read_model_slots (read_model) VALUES (owner_model) ON CONFLICT DO NOTHING;
  -- a function's columns have the collation of their type: one of the table's own is said again, or its indexes would serve nobody
  SELECT string_agg(quote_ident(a.attname) || CASE WHEN a.attcollation <> t.typcollation
      THEN format(' COLLATE %s AS %I', a.attcollation::regcollation, a.attname) ELSE '' END, ', ' ORDER BY a.attnum)
  INTO names
  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
  WHERE a.attrelid = format('spark_blue.%I', table_name)::regclass AND a.attnum > 0 AND NOT a.attisdropped;
  IF dashboard_columns IS NULL THEN
    -- what it returns may have changed, and that cannot be replaced
    IF to_regprocedure(format('spark.%I()', rows_of)) IS NOT NULL THEN
      EXECUTE format('ALTER FUNCTION spark.%I() RENAME TO %I', rows_of, 'old_' || rows_of);
    END IF;
    INSERT INTO spark.read_model_views (view_name, read_model) VALUES (table_name, owner_model)
    ON CONFLICT (view_name) DO UPDATE SET read_model = excluded.read_model;
    PERFORM spark.point_view(table_name);
    EXECUTE format('REVOKE ALL ON FUNCTION spark.%I() FROM PUBLIC', rows_of);
    EXECUTE format('GRANT EXECUTE ON FUNCTION spark.%I() TO spark_projector, spark_ingest, spark_dashboard_ro', rows_of);
    EXECUTE format('CREATE OR REPLACE VIEW spark.%I AS SELECT %s FROM spark.%I()', table_name, names, rows_of);
    EXECUTE format('DROP FUNCTION IF EXISTS spark.%I()', 'old_' || rows_of);
    EXECUTE format('GRANT SELECT ON spark.%I TO spark_projector, spark_ingest, spark_dashboard_ro', table_name);
  ELSE
    -- a function's body asks with the rights of who asks, for all its columns: here it has to be the view itself, with its owner's rights
    EXECUTE format('CREATE OR REPLACE VIEW spark.%1$I AS SELECT %2$s FROM spark_blue.%1$I WHERE (SELECT p.slot FROM spark.read_model_slots p WHERE p.read_model = %3$L) = ''blue'''
      || ' UNION ALL SELECT %2$s FROM spark_green.%1$I WHERE (SELECT p.slot FROM spark.read_model_slots p WHERE p.read_model = %3$L) = ''green''', table_name, names, owner_model);
    EXECUTE format('GRANT SELECT ON spark.%I TO spark_projector, spark_ingest', table_name);
    EXECUTE format('GRANT SELECT (%s) ON spark.%I TO spark_dashboard_ro', array_to_string(dashboard_columns, ', '), table_name);
  END IF;
  -- with it a write is refused for want of the right, as it would be at a table, not because of what a view is
  EXECUTE format('CREATE OR REPLACE TRIGGER refuse_write INSTEAD OF INSERT OR UPDATE OR DELETE ON spark.%I FOR EACH ROW EXECUTE FUNCTION spark.refuse_write()', table_name);
END
$body$;
REVOKE ALL ON FUNCTION spark.publish_read_model(name, name, name[]) FROM PUBLIC;

-- Makes a slot live for some read models: pointers, what readers touch, and the version that projectors watch, in the caller's transaction.
CREATE FUNCTION spark.flip_read_models(models text[], to_slot text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  version bigint;
  flipped integer;
BEGIN
  -- the row lock lets flips and batches of the projector come one after the other
  UPDATE spark.checkpoints SET slots_version = slots_version + 1 WHERE name = 'log' RETURNING slots_version INTO version;
  IF version IS NULL THEN
    RAISE EXCEPTION 'no checkpoint "log": nothing was ever projected' USING ERRCODE = 'object_not_in_prerequisite_state';
  END IF;
  -- readers of both are right whatever their snapshot: the pointer they see is as old as the rows they see
  UPDATE spark.read_model_slots SET slot = to_slot, readable = 'both', readable_since = clock_timestamp() WHERE read_model = ANY (models);
  GET DIAGNOSTICS flipped = ROW_COUNT;
  IF flipped <> cardinality(models) THEN
    RAISE EXCEPTION 'not all of these are read models: %', models USING ERRCODE = 'undefined_object';
  END IF;
  PERFORM spark.point_view(view_name::name) FROM spark.read_model_views WHERE read_model = ANY (models);
  RETURN version;
END
$body$;

-- Lets readers touch only the live slot of some read models; the other may be emptied once those who began before have ended.
CREATE FUNCTION spark.close_old_slots(models text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  closed text[];
BEGIN
  WITH changed AS (
    UPDATE spark.read_model_slots SET readable = slot, readable_since = clock_timestamp()
    WHERE read_model = ANY (models) AND readable = 'both' RETURNING read_model
  )
  SELECT array_agg(read_model) INTO closed FROM changed;
  PERFORM spark.point_view(view_name::name) FROM spark.read_model_views WHERE read_model = ANY (closed);
END
$body$;

-- The indexes of a slot that is not live, without those that serve a constraint: rows go in twice as fast without them.
CREATE FUNCTION spark.drop_slot_indexes(slot_schema name, table_name name) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  dropped integer := 0;
  found name;
BEGIN
  IF EXISTS (SELECT FROM spark.read_model_slots
      WHERE read_model = table_name AND slot_schema IN ('spark_blue', 'spark_green') AND ('spark_' || slot = slot_schema OR readable = 'both')) THEN
    RAISE EXCEPTION 'readers use %.%', slot_schema, table_name USING ERRCODE = 'object_in_use';
  END IF;
  FOR found IN SELECT index_name FROM spark.index_statements(slot_schema, slot_schema, table_name) LOOP
    EXECUTE format('DROP INDEX %I.%I', slot_schema, found);
    dropped := dropped + 1;
  END LOOP;
  RETURN dropped;
END
$body$;

-- Makes the indexes that the live slot has and this one has not, and looks at the rows (ANALYZE), so that readers find both at the flip.
CREATE FUNCTION spark.make_slot_indexes(slot_schema name, table_name name) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  live name := (SELECT 'spark_' || slot FROM spark.read_model_slots WHERE read_model = table_name);
  wanted record;
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
  -- not the documents and bytes: nothing is looked for in them, and sampling them took longer than the indexes
  EXECUTE format('ANALYZE %I.%I (%s)', slot_schema, table_name, (
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
    WHERE attrelid = format('%I.%I', slot_schema, table_name)::regclass AND attnum > 0 AND NOT attisdropped
      AND atttypid NOT IN ('jsonb'::regtype, 'bytea'::regtype)));
  RETURN made;
END
$body$;

-- Partitions by UTC day, as 0002 made them, of a table in any schema of ours.
CREATE FUNCTION spark.ensure_day_partitions(parent_schema name, parent name, days date[]) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  day date;
  part name;
  lower_bound text;
  upper_bound text;
  made integer := 0;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(format('%I.%I', parent_schema, parent)) AND relkind = 'p'
      AND relowner = current_user::regrole) THEN
    RAISE EXCEPTION '%.% is not a partitioned table of SPARK', parent_schema, parent USING ERRCODE = 'wrong_object_type';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('spark.ensure_day_partitions'));
  FOREACH day IN ARRAY days LOOP
    part := parent || '_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(format('%I.%I', parent_schema, part)) IS NOT NULL;
    lower_bound := to_char(day, 'YYYY-MM-DD') || ' 00:00:00+00';
    upper_bound := to_char(day + 1, 'YYYY-MM-DD') || ' 00:00:00+00';
    EXECUTE format('CREATE TABLE %1$I.%2$I (LIKE %1$I.%3$I INCLUDING DEFAULTS INCLUDING STORAGE)', parent_schema, part, parent);
    EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT bounds CHECK (ts >= %L AND ts < %L)', parent_schema, part, lower_bound, upper_bound);
    EXECUTE format('ALTER TABLE %1$I.%2$I ATTACH PARTITION %1$I.%3$I FOR VALUES FROM (%4$L) TO (%5$L)', parent_schema, parent, part, lower_bound, upper_bound);
    -- the partition bound says the same: do not pay for it at every row
    EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT bounds', parent_schema, part);
    made := made + 1;
  END LOOP;
  RETURN made;
END
$body$;

REVOKE ALL ON FUNCTION spark.flip_read_models(text[], text), spark.close_old_slots(text[]), spark.drop_slot_indexes(name, name),
  spark.make_slot_indexes(name, name), spark.ensure_day_partitions(name, name, date[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spark.flip_read_models(text[], text), spark.close_old_slots(text[]), spark.drop_slot_indexes(name, name),
  spark.make_slot_indexes(name, name), spark.ensure_day_partitions(name, name, date[]) TO spark_projector;

SELECT spark.publish_read_model(name) FROM unnest(ARRAY['spark_events', 'command_states', 'spark_function_calls', 'spark_generated_scripts',
  'spark_previews', 'spark_build_jobs', 'spark_operations', 'spark_sessions', 'spark_usage', 'projector_dead_letters']::name[]) AS name;
SELECT spark.publish_read_model('spark_images', dashboard_columns => '{sha256,bytes}');

-- Views over a read model and what is none lie in the slots too: what asks for many rows in order reads the live one by its name.
CREATE VIEW spark_blue.spark_commands AS
SELECT command_id, idempotency_key, type, session_id, editor, actor, state, attempts, accepted_at, started_at, finished_at,
       error_code, result, error, correlation_id, causation_id, priority, deadline, payload_sha, first_seq, last_seq
FROM spark_blue.command_states
UNION ALL
SELECT command_id, idempotency_key, type, session_id, editor, actor, 'accepted', 0, accepted_at, NULL, NULL,
       NULL, NULL, NULL, correlation_id, causation_id, priority, deadline, payload_sha, NULL, NULL
FROM spark.accepted_overlay waiting
WHERE NOT EXISTS (SELECT FROM spark_blue.command_states known WHERE known.command_id = waiting.command_id);
SELECT spark.publish_read_model('spark_commands', pointer => 'command_states');

CREATE VIEW spark_blue.spark_dead_letters AS
SELECT source, id, ts, reason, attempts, last_error, original_subject, session_id, editor, command_id, headers, body, body_encoding,
       body_truncated, stream_seq, stream_index, type, state, redriven_at, redriven_as, dropped_at, acted_by, redrives, stream_mark
FROM spark.stream_dead_letters
UNION ALL
SELECT 'projector', seq, ts, reason, 1, last_error, 'spark.log', session_id, editor, command_id, '{}'::jsonb, body, 'utf8',
       body_truncated, seq, 0, NULL, 'open', NULL, NULL, NULL, NULL, 0, NULL
FROM spark_blue.projector_dead_letters;
SELECT spark.publish_read_model('spark_dead_letters', pointer => 'projector_dead_letters');
