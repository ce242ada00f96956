-- Roles with least rights. Passwords are set at start (src/postgres/roles.ts), never in a file. Everything here may exist
-- already: roles belong to the whole server, and a managed one may have been prepared by somebody else.
DO $roles$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['spark_owner', 'spark_projector', 'spark_ingest', 'spark_dashboard_ro'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE format('CREATE ROLE %I %s', wanted, CASE wanted WHEN 'spark_owner' THEN 'NOLOGIN' ELSE 'LOGIN' END);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL; -- another database of this server is being migrated at the same moment
      END;
    END IF;
  END LOOP;
END
$roles$;

-- Who migrates creates objects as their owner.
DO $membership$
BEGIN
  IF current_user <> 'spark_owner' AND NOT pg_has_role(current_user, 'spark_owner', 'MEMBER') THEN
    EXECUTE format('GRANT spark_owner TO %I', current_user);
  END IF;
END
$membership$;

-- Settings of the roles. A role made by somebody else may refuse us: then its maker has to set them.
DO $settings$
DECLARE
  statement text;
BEGIN
  FOREACH statement IN ARRAY ARRAY[
    -- the log is the source of truth: an asynchronous commit can be replayed, and the replica sees it sooner
    'ALTER ROLE spark_projector SET synchronous_commit = off',
    'ALTER ROLE spark_projector SET search_path = spark',
    'ALTER ROLE spark_ingest SET search_path = spark',
    'ALTER ROLE spark_ingest SET default_transaction_read_only = on',
    'ALTER ROLE spark_dashboard_ro SET search_path = spark, public',
    'ALTER ROLE spark_dashboard_ro SET default_transaction_read_only = on',
    'ALTER ROLE spark_dashboard_ro SET statement_timeout = ''15s''',
    'ALTER ROLE spark_dashboard_ro CONNECTION LIMIT 20',
    -- sees whether the replica is streaming (pg_stat_wal_receiver)
    'GRANT pg_read_all_stats TO spark_ingest'
  ] LOOP
    BEGIN
      EXECUTE statement;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING 'not allowed: %; ask the owner of that role to run it', statement;
    END;
  END LOOP;
END
$settings$;

DO $database$
BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  -- the projector stages its upserts in temporary tables
  EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO spark_projector', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO spark_ingest, spark_dashboard_ro', current_database());
END
$database$;

GRANT USAGE, CREATE ON SCHEMA spark TO spark_owner;
GRANT USAGE ON SCHEMA spark TO spark_projector, spark_ingest, spark_dashboard_ro;
