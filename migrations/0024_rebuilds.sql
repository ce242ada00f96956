-- What lies in the slots that are not live, and the schemas that time travel has made (src/projections/rebuild).

-- A time travel makes a schema of its own, by the functions below alone: this role never logs in.
DO $database$
BEGIN
  EXECUTE format('GRANT CREATE ON DATABASE %I TO spark_owner', current_database());
END
$database$;

SET LOCAL ROLE spark_owner;

-- One row for each read model whose other slot holds something that can be gone on with. No row: what is there is nobody's.
CREATE TABLE spark.idle_read_models (
  read_model text PRIMARY KEY REFERENCES spark.read_model_slots,
  -- how far it has come: tables with the same one stand at the same place of the log
  checkpoint text NOT NULL,
  -- building: a rebuild is (or was) at it; previous: readers saw it before the last flip; helper: only looked things up in
  role text NOT NULL CHECK (role IN ('building', 'previous', 'helper')),
  -- what built it: only the same build of SPARK goes on with it
  build text NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON spark.idle_read_models TO spark_projector;
GRANT SELECT ON spark.idle_read_models TO spark_ingest;

-- The view of spark_images names both slots (0020), so its idle rows are deleted, never truncated: and VACUUM must not cut off the
-- file's end either, which takes the lock that would stall a reader on the standby.
ALTER TABLE spark_blue.spark_images SET (vacuum_truncate = off, toast.vacuum_truncate = off);
ALTER TABLE spark_green.spark_images SET (vacuum_truncate = off, toast.vacuum_truncate = off);

CREATE TABLE spark.scratch_schemas (
  schema_name text PRIMARY KEY,
  -- as it was asked for
  until text NOT NULL,
  complete boolean NOT NULL DEFAULT false,
  made_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, UPDATE ON spark.scratch_schemas TO spark_projector;
GRANT SELECT ON spark.scratch_schemas TO spark_ingest;

-- A schema with these read models, empty, and the views that show nothing else; the dashboard role may read it. Images stay where they
-- are: a file's bytes under its sha-256 are the same at any time.
CREATE FUNCTION spark.make_scratch_schema(scratch name, asked_until text, models text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
  model name;
BEGIN
  -- a word of SQL would have to be quoted wherever it is used
  IF scratch !~ '^[a-z][a-z0-9_]{0,62}$' OR quote_ident(scratch) <> scratch OR scratch ~ '^(pg_|spark$|spark_blue$|spark_green$|public$)' THEN
    RAISE EXCEPTION 'not a name for a scratch schema: %', scratch USING ERRCODE = 'invalid_schema_name';
  END IF;
  EXECUTE format('CREATE SCHEMA %I', scratch);
  INSERT INTO spark.scratch_schemas (schema_name, until) VALUES (scratch, asked_until);
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO spark_projector, spark_ingest, spark_dashboard_ro', scratch);
  FOR model IN SELECT read_model FROM spark.read_model_slots WHERE read_model = ANY (models) AND read_model <> 'spark_images' ORDER BY 1 LOOP
    PERFORM spark.make_twin(scratch, model);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO spark_projector', scratch, model);
  END LOOP;
  -- commands that had not started then are not known: they have no event
  IF 'command_states' = ANY (models) THEN
    EXECUTE format('CREATE VIEW %I.spark_commands AS SELECT %s FROM %I.command_states', scratch,
      (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
       WHERE attrelid = 'spark_blue.spark_commands'::regclass AND attnum > 0 AND NOT attisdropped), scratch);
  END IF;
  FOR model IN SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'spark_blue'::regnamespace AND c.relkind = 'v' AND c.relname <> 'spark_commands'
      AND NOT EXISTS (
        SELECT FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
        JOIN pg_class used ON d.refclassid = 'pg_class'::regclass AND used.oid = d.refobjid
        WHERE r.ev_class = c.oid AND used.oid <> c.oid AND
          (used.relnamespace <> 'spark_blue'::regnamespace OR used.relname = 'spark_images' OR used.relname <> ALL (models))) LOOP
    PERFORM spark.make_twin(scratch, model);
  END LOOP;
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO spark_projector, spark_ingest, spark_dashboard_ro', scratch);
END
$body$;

-- Takes one away again; answers false when it is none of those.
CREATE FUNCTION spark.drop_scratch_schema(scratch name) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
  DELETE FROM spark.scratch_schemas WHERE schema_name = scratch;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', scratch);
  DELETE FROM spark.checkpoints c WHERE c.name = 'log:' || scratch;
  RETURN true;
END
$body$;

REVOKE ALL ON FUNCTION spark.make_scratch_schema(name, text, text[]), spark.drop_scratch_schema(name) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION spark.make_scratch_schema(name, text, text[]), spark.drop_scratch_schema(name) TO spark_projector;
