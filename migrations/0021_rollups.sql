-- Rollups: what dashboards ask, counted while it is projected, so that a panel reads a few hundred small rows instead of ten million
-- events. All of them are folds of the log like every other read model, in whole numbers: the same whatever the batches were.
-- And the read models that follow from them: spark_editors, spark_queue_depth, spark_audit.
SET LOCAL ROLE spark_owner;

-- The keys come first by time: every panel asks for a window, and what is added goes to the last pages. Rows of the running minute are
-- updated by every batch: room in the page keeps such an update in it (HOT), for no index holds what is added up.
CREATE TABLE spark_blue.rollup_calls_minute (
  minute timestamptz NOT NULL,
  name text NOT NULL,
  outcome text NOT NULL,
  -- '' where there is none
  error_code text NOT NULL,
  calls bigint NOT NULL,
  -- of those, the ones whose duration is known; a mean is duration_us_sum / timed
  timed bigint NOT NULL,
  duration_us_sum bigint NOT NULL,
  PRIMARY KEY (minute, name, outcome, error_code)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE spark_blue.rollup_latency_minute (
  minute timestamptz NOT NULL,
  name text NOT NULL,
  -- see spark.latency_bucket_ms
  bucket smallint NOT NULL,
  calls bigint NOT NULL,
  PRIMARY KEY (minute, name, bucket)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE spark_blue.rollup_previews_minute (
  minute timestamptz NOT NULL,
  mode text NOT NULL,
  cached boolean NOT NULL,
  previews bigint NOT NULL,
  PRIMARY KEY (minute, mode, cached)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE spark_blue.rollup_sessions_5min (
  slice timestamptz NOT NULL,
  session_id text NOT NULL,
  events bigint NOT NULL,
  calls bigint NOT NULL,
  timed bigint NOT NULL,
  call_us_sum bigint NOT NULL,
  call_us_max bigint NOT NULL,
  PRIMARY KEY (slice, session_id)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- Tokens as numeric: each report may be as large as a bigint.
CREATE TABLE spark_blue.rollup_usage_hour (
  hour timestamptz NOT NULL,
  model text NOT NULL,
  -- '' where the command is not known
  command_type text NOT NULL,
  reports bigint NOT NULL,
  -- of those, the ones that told no cost
  unpriced bigint NOT NULL,
  input_tokens numeric NOT NULL,
  output_tokens numeric NOT NULL,
  cost_usd numeric NOT NULL,
  PRIMARY KEY (hour, model, command_type)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE spark_blue.rollup_lanes_minute (
  minute timestamptz NOT NULL,
  editor text NOT NULL,
  -- commands accepted in this minute that have an event by now
  accepted bigint NOT NULL,
  ended bigint NOT NULL,
  -- of those, the ones that ended other than completed
  failed bigint NOT NULL,
  call_us_sum bigint NOT NULL,
  PRIMARY KEY (minute, editor)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
-- one lane by itself, and spark_queue_depth walking back within an hour
CREATE INDEX rollup_lanes_minute_editor ON spark_blue.rollup_lanes_minute (editor, minute);

-- The same by hour: spark_queue_depth walks back over hours, and over minutes only within one.
CREATE TABLE spark_blue.rollup_lanes_hour (
  hour timestamptz NOT NULL,
  editor text NOT NULL,
  accepted bigint NOT NULL,
  ended bigint NOT NULL,
  PRIMARY KEY (editor, hour)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

CREATE TABLE spark_blue.rollup_operations_minute (
  minute timestamptz NOT NULL,
  -- apply, undo, redo
  direction text NOT NULL,
  tool text NOT NULL,
  operations bigint NOT NULL,
  PRIMARY KEY (minute, direction, tool)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);

-- One row an editor: how much was done on it and how it ended, by the state its commands are in now. What is registered and paused is
-- no part of the log: GET /v1/editors tells.
CREATE TABLE spark_blue.spark_editors (
  editor text PRIMARY KEY,
  first_seen timestamptz NOT NULL,
  last_seen timestamptz NOT NULL,
  events bigint NOT NULL,
  commands bigint NOT NULL,
  started bigint NOT NULL,
  completed bigint NOT NULL,
  failed bigint NOT NULL,
  rejected bigint NOT NULL,
  conflict bigint NOT NULL,
  outcome_unknown bigint NOT NULL,
  cancelled bigint NOT NULL,
  last_seq bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.02);

-- What somebody did about a command that another may have asked for: cancelled it, or said how it really ended.
CREATE TABLE spark_blue.audit_acts (
  seq bigint PRIMARY KEY,
  ts timestamptz NOT NULL,
  -- cancel, reconcile
  action text NOT NULL,
  actor text NOT NULL,
  command_id uuid NOT NULL,
  session_id text NOT NULL,
  editor text NOT NULL,
  -- of a reconciliation: applied, not_applied
  verdict text,
  reason text
);
CREATE INDEX audit_acts_ts ON spark_blue.audit_acts (ts);

SELECT spark.publish_read_model(name) FROM unnest(ARRAY['rollup_calls_minute', 'rollup_latency_minute', 'rollup_previews_minute',
  'rollup_sessions_5min', 'rollup_usage_hour', 'rollup_lanes_minute', 'rollup_lanes_hour', 'rollup_operations_minute', 'spark_editors',
  'audit_acts']::name[]) AS name;

-- What a command was about: its audit says so even where nothing became of it.
ALTER TABLE spark_blue.command_states ADD COLUMN path text;
ALTER TABLE spark_green.command_states ADD COLUMN path text;
SELECT spark.publish_read_model('command_states');

CREATE OR REPLACE VIEW spark_blue.spark_commands AS
SELECT command_id, idempotency_key, type, session_id, editor, actor, state, attempts, accepted_at, started_at, finished_at,
       error_code, result, error, correlation_id, causation_id, priority, deadline, payload_sha, first_seq, last_seq, path
FROM spark_blue.command_states
UNION ALL
SELECT command_id, idempotency_key, type, session_id, editor, actor, 'accepted', 0, accepted_at, NULL, NULL,
       NULL, NULL, NULL, correlation_id, causation_id, priority, deadline, payload_sha, NULL, NULL, NULL
FROM spark.accepted_overlay waiting
WHERE NOT EXISTS (SELECT FROM spark_blue.command_states known WHERE known.command_id = waiting.command_id);
DO $twin$
BEGIN
  EXECUTE 'CREATE OR REPLACE VIEW spark_green.spark_commands AS '
    || replace(pg_get_viewdef('spark_blue.spark_commands'::regclass), 'spark_blue.', 'spark_green.');
END
$twin$;
SELECT spark.publish_read_model('spark_commands', pointer => 'command_states');

-- The middle of a latency bucket in milliseconds, at most 3.5 % from any duration in it (src/projections/rollups/latencyBuckets.ts, which
-- a test compares with this list).
CREATE FUNCTION spark.latency_bucket_ms(bucket integer) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('{0.05,0.1035,0.1105,0.1175,0.125,0.1335,0.1425,0.152,0.162,0.1725,0.184,0.1965,0.21,0.2245,0.24,0.2565,0.274,0.2925,
  0.3125,0.334,0.357,0.3815,0.4075,0.4355,0.4655,0.4975,0.5315,0.568,0.6075,0.6495,0.694,0.742,0.7935,0.8485,0.9075,
  0.9705,1.038,1.1105,1.188,1.2705,1.3585,1.453,1.5545,1.663,1.779,1.903,2.0355,2.1775,2.3295,2.492,2.666,2.852,3.051,
  3.264,3.492,3.736,3.997,4.2765,4.5755,4.8955,5.238,5.6045,5.9965,6.4155,6.864,7.344,7.8575,8.407,8.995,9.624,10.297,
  11.0175,11.7885,12.6135,13.496,14.44,15.45,16.531,17.688,18.926,20.2505,21.6675,23.184,24.8065,26.5425,28.4,30.3875,
  32.5145,34.79,37.2245,39.8295,42.617,45.6,48.7915,52.206,55.8595,59.769,63.9525,68.429,73.219,78.344,83.8275,89.695,
  95.973,102.6905,109.8785,117.5695,125.799,134.6045,144.026,154.107,164.894,176.436,188.786,202.0005,216.14,231.2695,
  247.458,264.7795,283.3135,303.145,324.3645,347.0695,371.364,397.359,425.1735,454.935,486.78,520.854,557.313,596.3245,
  638.067,682.7315,730.5225,781.6585,836.374,894.9195,957.563,1024.592,1096.313,1173.0545,1255.168,1343.029,1437.0405,
  1537.633,1645.267,1760.4355,1883.6655,2015.5215,2156.6075,2307.5695,2469.099,2641.9355,2826.8705,3024.751,3236.483,
  3463.0365,3705.449,3964.83,4242.3675,4539.333,4857.086,5197.0815,5560.8765,5950.137,6366.646,6812.311,7289.1725,7799.414,
  8345.3725,8929.548,9554.6155,10223.438,10939.0785,11704.8135,12524.1495,13400.839,14338.897,15342.6195,16416.6025,17565.764,
  18795.367,20111.0425,21518.815,23025.1315,24636.8905,26361.4725,28206.775,30181.2485,32293.935,34554.51,36973.3255,39561.458,
  42330.7595,45293.912,48464.4855,51856.999,55486.9885,59371.0775,63527.0525,67973.9455,72732.121,77823.369,83271.0045,
  89099.9745,95336.9725,102010.56,109151.2985,116791.889,124967.321,133715.033,143075.0845,153090.34,163806.6635,175273.1295,
  187542.248,200670.2045,214717.118,229747.3155,245829.627,263037.7005,281450.339,301151.862,322232.4915,344788.765,368923.978,
  394748.656,422381.0615,451947.7355,483584.0765,517434.9615,553655.4085,592411.2865,633880.076,678251.681,725729.298,
  776530.348,830887.4715,889049.594,951283.0655,1017872.88,1089123.9815,1165362.66,1246938.046,1334223.709,1427619.368,
  1527552.723,1634481.413,1748895.1115,1871317.769,2002310.0125,2142471.713,2292444.7325,2452915.8635,2624619.9735,2808343.371,
  3004927.4065,3215272.3245,3440341.3865,3681165.283,3805649.133}'::double precision[])[bucket + 1];
GRANT EXECUTE ON FUNCTION spark.latency_bucket_ms(integer) TO spark_projector, spark_ingest, spark_dashboard_ro;

-- How many commands an editor's lane held at the end of each minute in which something changed: accepted and not ended (at the end of the
-- newest minute: now). Walked back from what is open now: less what was accepted since, plus what has ended since; by hours, and by
-- minutes only within one, so that a window of a long history is cheap wherever it lies.
-- A command that has no event yet is open too. Of those the overlay knows the ones that have waited for 250 ms and more
-- (src/projections/acceptedOverlay): what is taken up sooner is never missed, and never counted before it is taken up. `accepted` counts
-- them at the minute of their acceptance, as their first event will.
CREATE VIEW spark.spark_queue_depth AS
WITH waiting AS MATERIALIZED (
  SELECT overlay.editor, date_bin('1 minute', overlay.accepted_at, timestamptz 'epoch') AS minute, count(*) AS accepted
  FROM spark.accepted_overlay overlay
  WHERE NOT EXISTS (SELECT FROM spark.command_states known WHERE known.command_id = overlay.command_id)
  GROUP BY 1, 2
), changes AS (
  SELECT lane.minute, lane.editor, lane.accepted + coalesce(more.accepted, 0) AS accepted, lane.ended
  FROM spark.rollup_lanes_minute lane LEFT JOIN waiting more ON more.editor = lane.editor AND more.minute = lane.minute
  UNION ALL
  SELECT alone.minute, alone.editor, alone.accepted, 0
  FROM waiting alone
  WHERE NOT EXISTS (SELECT FROM spark.rollup_lanes_minute lane WHERE lane.editor = alone.editor AND lane.minute = alone.minute)
)
SELECT changed.minute AS ts, changed.editor,
  (coalesce((SELECT now_open.started FROM spark.spark_editors now_open WHERE now_open.editor = changed.editor), 0)
    + coalesce((SELECT sum(held.accepted) FROM waiting held WHERE held.editor = changed.editor AND held.minute <= changed.minute), 0)
    - coalesce((SELECT sum(later.accepted - later.ended) FROM spark.rollup_lanes_hour later
        WHERE later.editor = changed.editor AND later.hour > date_bin('1 hour', changed.minute, timestamptz 'epoch')), 0)
    - coalesce((SELECT sum(later.accepted - later.ended) FROM spark.rollup_lanes_minute later
        WHERE later.editor = changed.editor AND later.minute > changed.minute
          AND later.minute < date_bin('1 hour', changed.minute, timestamptz 'epoch') + interval '1 hour'), 0))::bigint AS depth,
  changed.accepted::bigint AS accepted, changed.ended::bigint AS ended
FROM changes changed;

-- Who did what: one row a command (whoever asked for it, whatever became of it, refused ones too), a cancellation, a reconciliation, a
-- redrive or drop of a dead letter, and a message that was refused before it was a command. Nothing is stored twice for it.
-- Not in the log, so not here: what HTTP refused at the door (401, 403, 422, 429), reads, and pauses and registrations of editors (GET
-- /v1/editors says who holds one and since when).
CREATE VIEW spark.spark_audit AS
SELECT accepted_at AS ts, actor, type AS action, command_id, session_id, editor, path, state AS outcome, error_code,
       payload_sha, started_at, finished_at, NULL::text AS reason, NULL::bigint AS letter_id, first_seq AS seq
FROM spark.spark_commands WHERE accepted_at IS NOT NULL
UNION ALL
-- the event that repeats the envelope is gone from the log
SELECT coalesce(started_at, finished_at), actor, type, command_id, session_id, editor, path, state, error_code,
       payload_sha, started_at, finished_at, NULL, NULL, first_seq
FROM spark.command_states WHERE accepted_at IS NULL
UNION ALL
SELECT ts, actor, action, command_id, session_id, editor, NULL, verdict, NULL, NULL, NULL, NULL, reason, NULL, seq
FROM spark.audit_acts
UNION ALL
SELECT done.ts, done.actor, 'dead_letter.' || done.action, done.command_id, letter.session_id, letter.editor, NULL, done.action, NULL,
       done.payload_sha, NULL, NULL, NULL, done.letter_id, NULL
FROM spark.spark_dead_letter_actions done
LEFT JOIN spark.spark_dead_letters letter ON letter.source = 'stream' AND letter.id = done.letter_id
UNION ALL
SELECT ts, headers ->> 'Spark-Actor', coalesce(type, 'unknown'), NULL, session_id, editor, NULL, 'refused', reason,
       NULL, NULL, NULL, last_error, id, NULL
FROM spark.spark_dead_letters WHERE source = 'stream' AND command_id IS NULL;

GRANT SELECT ON spark.spark_queue_depth, spark.spark_audit TO spark_projector, spark_ingest, spark_dashboard_ro;
