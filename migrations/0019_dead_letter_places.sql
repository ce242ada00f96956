-- One letter a place: a worker that dies between a letter and its acknowledgement writes it again, and after the stream's duplicate
-- window nobody else would notice. Letters of before do not name their stream and stay as they are.
SET LOCAL ROLE spark_owner;

-- which command stream `stream_seq` counts in: one that is made anew begins at 1 again
ALTER TABLE spark.spark_dead_letters ADD COLUMN stream_mark text;

CREATE UNIQUE INDEX spark_dead_letters_place ON spark.spark_dead_letters (stream_mark, stream_seq, stream_index)
  WHERE source = 'stream' AND stream_mark IS NOT NULL;
