import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { createDeadLetterProjector } from '../../src/projections/deadLetters/projector.js';
import { deadLetterById, listDeadLetters } from '../../src/projections/deadLetters/queries.js';
import type { DeadLetter } from '../../src/projections/ports.js';
import { MemoryDeadLetters } from '../support/memoryLog.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { STORY_BEGAN_MS } from '../support/story.js';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db.drop());

const letter = (over: Partial<DeadLetter> = {}): DeadLetter => ({
  reason: 'malformed_json',
  attempts: 1,
  lastError: 'Unexpected token',
  originalSubject: 'spark.commands.default.unity.generate_script.session-1',
  headers: { 'Spark-Actor': 'somebody' },
  body: '{"a\0',
  bodyEncoding: 'utf8',
  bodyTruncated: false,
  commandId: null,
  sessionId: 'session-1',
  editor: 'default',
  stream: { seq: 12, index: 0 },
  ...over,
});

it('given dead letters and a restart, then each is one row with the sequence of its stream', async () => {
  const source = new MemoryDeadLetters();
  const pool = db.pool('spark_projector');
  let arrived: (() => void) | undefined;
  const start = () => {
    const projector = createDeadLetterProjector({
      pool,
      source,
      clock: systemClock,
      onBatch: ({ lastSeq }) => lastSeq === source.stream.lastSeq && arrived?.(),
      onError: (error) => expect.fail(String(error)),
      onFatal: (error) => expect.fail(String(error)),
    });
    return projector.start().then(() => projector);
  };
  const allArrived = (): Promise<void> =>
    new Promise((resolve) => {
      arrived = resolve;
    });

  const first = await start();
  const firstArrived = allArrived();
  source.stream.append(letter());
  source.stream.append(letter({ reason: 'attempts_exhausted', attempts: 5, sessionId: null }));
  await firstArrived;
  await first.stop();
  const secondArrived = allArrived();
  source.stream.append(letter({ body: 'AAEC', bodyEncoding: 'base64', bodyTruncated: true }));
  const second = await start();
  await secondArrived;
  await second.stop();

  expect((await listDeadLetters(db.pool('spark_ingest'), { limit: 10 })).map((row) => row.id)).toEqual([
    3, 2, 1,
  ]);
  expect(await deadLetterById(db.admin, 1)).toEqual({
    ...letter(),
    source: 'stream',
    id: 1,
    ts: new Date(STORY_BEGAN_MS + 1),
    body: '{"a\ufffd',
    stream: undefined,
    streamSeq: 12,
    streamIndex: 0,
  });
});
