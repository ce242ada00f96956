-- What was done about dead letters: a fold of the stream SPARK_DLQ_ACTIONS, one row an action. The state of a letter is the
-- fold of its own actions, so it does not matter which of the two streams was read first.
SET LOCAL ROLE spark_owner;

CREATE TABLE spark.spark_dead_letter_actions (
  -- its place in SPARK_DLQ_ACTIONS
  seq bigint PRIMARY KEY,
  ts timestamptz NOT NULL,
  -- spark_dead_letters.id, of source 'stream'
  letter_id bigint NOT NULL,
  action text NOT NULL,
  actor text NOT NULL,
  -- of a redrive: the command it made, and the how-manieth redrive of the letter it was (1-based)
  command_id uuid,
  redrive integer,
  -- what the command asked for, so that the same request again is known as such
  payload_sha text
);

CREATE INDEX spark_dead_letter_actions_letter ON spark.spark_dead_letter_actions (letter_id);

ALTER TABLE spark.spark_dead_letters
  ADD COLUMN type text,
  ADD COLUMN state text NOT NULL DEFAULT 'open',
  ADD COLUMN redriven_at timestamptz,
  ADD COLUMN redriven_as uuid,
  ADD COLUMN dropped_at timestamptz,
  ADD COLUMN acted_by text,
  ADD COLUMN redrives integer NOT NULL DEFAULT 0;

-- Letters of before: those with a subject of their own say what they were; of the others nobody has asked yet.
UPDATE spark.spark_dead_letters
SET type = split_part(original_subject, '.', 4) || '.' || split_part(original_subject, '.', 5)
WHERE original_subject ~ '^spark\.commands\.[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){3}$';

-- Few letters are open at any time: what operators look at, and what the gauge counts.
CREATE INDEX spark_dead_letters_open ON spark.spark_dead_letters (ts) WHERE state = 'open';

GRANT UPDATE ON spark.spark_dead_letters TO spark_projector;
GRANT SELECT, INSERT, DELETE ON spark.spark_dead_letter_actions TO spark_projector;
GRANT SELECT ON spark.spark_dead_letter_actions TO spark_ingest, spark_dashboard_ro;
