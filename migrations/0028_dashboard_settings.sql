-- How the roles that read are planned for. Panels read some thousand rows in a few milliseconds: compiling such a statement (tens of
-- milliseconds, on by default in a server of one's own), or starting processes for parts of it, takes longer than running it.
DO $settings$
DECLARE
  statement text;
BEGIN
  FOREACH statement IN ARRAY ARRAY[
    'ALTER ROLE spark_dashboard_ro SET jit = off',
    'ALTER ROLE spark_dashboard_ro SET max_parallel_workers_per_gather = 0',
    'ALTER ROLE spark_ingest SET jit = off',
    'ALTER ROLE spark_ingest SET max_parallel_workers_per_gather = 0',
    'ALTER ROLE spark_projector SET jit = off'
  ] LOOP
    BEGIN
      EXECUTE statement;
    EXCEPTION WHEN insufficient_privilege THEN
      RAISE WARNING 'not allowed: %; ask the owner of that role to run it', statement;
    END;
  END LOOP;
END
$settings$;
