-- Rollups beside those of 0021, for the two questions whose rows grew with the events: at ten million of them in 36 hours, an hour of
-- latency by the minute has 42,000 rows, and a day of usage 260,000. Dashboards ask these instead.
SET LOCAL ROLE spark_owner;

-- rollup_latency_minute by slices of 5 minutes: a third of the rows, for windows of more than half an hour.
CREATE TABLE spark_blue.rollup_latency_5min (
  slice timestamptz NOT NULL,
  name text NOT NULL,
  -- see spark.latency_bucket_ms
  bucket smallint NOT NULL,
  calls bigint NOT NULL,
  PRIMARY KEY (slice, name, bucket)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- Usage by session: all of it, and when it was told. Whose sessions cost most is a sort of these rows; adding up hours by session for
-- 17,000 sessions took ten times as long. Tokens as numeric: each report may be as large as a bigint.
CREATE TABLE spark_blue.rollup_usage_session (
  session_id text PRIMARY KEY,
  first_hour timestamptz NOT NULL,
  last_hour timestamptz NOT NULL,
  reports bigint NOT NULL,
  input_tokens numeric NOT NULL,
  output_tokens numeric NOT NULL,
  cost_usd numeric NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX rollup_usage_session_last ON spark_blue.rollup_usage_session (last_hour);

-- The same by hour: of the sessions that reach beyond a window, what they used within it.
CREATE TABLE spark_blue.rollup_usage_session_hour (
  hour timestamptz NOT NULL,
  session_id text NOT NULL,
  reports bigint NOT NULL,
  input_tokens numeric NOT NULL,
  output_tokens numeric NOT NULL,
  cost_usd numeric NOT NULL,
  PRIMARY KEY (session_id, hour)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX rollup_usage_session_hour_hour ON spark_blue.rollup_usage_session_hour (hour);

SELECT spark.publish_read_model(name)
FROM unnest(ARRAY['rollup_latency_5min', 'rollup_usage_session', 'rollup_usage_session_hour']::name[]) AS name;

-- What earlier builds have counted and written: these begin where that does, not with the upgrade.
INSERT INTO spark_blue.rollup_latency_5min (slice, name, bucket, calls)
SELECT date_bin('5 minutes', minute, timestamptz 'epoch'), name, bucket, sum(calls)::bigint
FROM spark.rollup_latency_minute GROUP BY 1, 2, 3;
INSERT INTO spark_blue.rollup_usage_session_hour (hour, session_id, reports, input_tokens, output_tokens, cost_usd)
SELECT date_bin('1 hour', ts, timestamptz 'epoch'), left(session_id, 200), count(*), sum(input_tokens), sum(output_tokens), coalesce(sum(cost_usd), 0)
FROM spark.spark_usage GROUP BY 1, 2;
INSERT INTO spark_blue.rollup_usage_session (session_id, first_hour, last_hour, reports, input_tokens, output_tokens, cost_usd)
SELECT session_id, min(hour), max(hour), sum(reports)::bigint, sum(input_tokens), sum(output_tokens), sum(cost_usd)
FROM spark_blue.rollup_usage_session_hour GROUP BY 1;
