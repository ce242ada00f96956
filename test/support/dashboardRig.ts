import { systemClock } from '../../src/core/clock.js';
import type { CommandId, EditorId, SessionId, Sha256 } from '../../src/core/ids.js';
import { createOverlay } from '../../src/projections/acceptedOverlay/overlay.js';
import {
  createDeadLetterActionProjector,
  createDeadLetterProjector,
} from '../../src/projections/deadLetters/projector.js';
import type {
  AcceptedCommand,
  DeadLetter,
  DeadLetterAction,
  DeadLetterSource,
} from '../../src/projections/ports.js';
import type { Happened } from './dashboardHistory.js';
import { MemoryCommands, MemoryDeadLetterActions } from './memoryLog.js';
import type { TestDatabase } from './postgres.js';
import { projectorRig } from './projectorRig.js';
import { eventually } from './spark.js';
import { command, envelopeOf } from './story.js';

/** A letter of the stream and when it was written, epoch ms. */
export interface LetterFact {
  readonly tsMs: number;
  readonly letter: DeadLetter;
}

/** A command that was accepted and waits. */
export interface WaitingFact {
  readonly acceptedMs: number;
  readonly editor: string;
}

export interface Seed {
  readonly history: readonly Happened[];
  readonly letters: readonly LetterFact[];
  /** `letterId` counts the letters from 1. */
  readonly actions: readonly DeadLetterAction[];
  readonly waiting: readonly WaitingFact[];
}

/** Lets the real projections fold everything into the database, and waits until its standby shows it. */
export async function project(db: TestDatabase, seed: Seed): Promise<void> {
  await projectLog(db, seed.history);
  await projectLetters(db, seed);
  await projectWaiting(db, seed.waiting);
  const replica = db.pool('spark_dashboard_ro', 'replica');
  const { rows } = await db.admin.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await db.admin.query('CHECKPOINT');
  await eventually(async () => {
    const reached = await replica.query<{ reached: boolean }>(
      'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS reached',
      [rows[0]?.lsn],
    );
    if (reached.rows[0]?.reached !== true) throw new Error('the standby is not there yet');
  });
}

async function projectLog(db: TestDatabase, history: readonly Happened[]): Promise<void> {
  let fail: (error: unknown) => void = () => undefined;
  const failure = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const rig = projectorRig(db.pool('spark_projector'), { onError: (error) => fail(error) });
  for (const { event, tsMs } of history) rig.log.append([event], tsMs);
  await rig.projector.start();
  try {
    await Promise.race([rig.caughtUp(), failure]);
  } finally {
    await rig.projector.stop();
  }
}

/** A dead-letter stream with times of one's own. */
function letterSource(letters: readonly LetterFact[]): DeadLetterSource {
  return {
    created: async () => '2026-03-01T00:00:00.000Z',
    async *read(after, signal) {
      for (const [i, { tsMs, letter }] of letters.entries())
        if (i + 1 > after) yield { streamSeq: i + 1, tsMs, letter };
      if (!signal.aborted)
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
    },
  };
}

async function projectLetters(db: TestDatabase, { letters, actions }: Seed): Promise<void> {
  const pool = db.pool('spark_projector');
  const options = { pool, clock: systemClock };
  await untilLast(letters.length, (hooks) =>
    createDeadLetterProjector({ ...options, ...hooks, source: letterSource(letters) }),
  );
  const source = new MemoryDeadLetterActions();
  for (const action of actions) source.stream.append(action);
  await untilLast(actions.length, (hooks) =>
    createDeadLetterActionProjector({ ...options, ...hooks, source }),
  );
}

interface Hooks {
  onBatch(stats: { lastSeq: number }): void;
  onError(error: unknown): void;
  onFatal(error: unknown): void;
}

/** Runs a projection until it has come to `last`. */
async function untilLast(
  last: number,
  make: (hooks: Hooks) => { start(): Promise<void>; stop(): Promise<void> },
): Promise<void> {
  let service: { start(): Promise<void>; stop(): Promise<void> } | undefined;
  await new Promise<void>((resolve, reject) => {
    service = make({
      onBatch: ({ lastSeq }) => lastSeq === last && resolve(),
      onError: reject,
      onFatal: reject,
    });
    service.start().catch(reject);
  });
  await service?.stop();
}

async function projectWaiting(db: TestDatabase, waiting: readonly WaitingFact[]): Promise<void> {
  const source = new MemoryCommands();
  let inserted = 0;
  let [done, failed]: [() => void, (error: unknown) => void] = [() => undefined, () => undefined];
  const all = new Promise<void>((resolve, reject) => {
    [done, failed] = [resolve, reject];
  });
  const overlay = createOverlay({
    pool: db.pool('spark_projector'),
    source,
    clock: systemClock,
    onError: (error) => failed(error),
    onFatal: (error) => failed(error),
    onTick: (stats) => {
      inserted += stats.inserted;
      if (inserted >= waiting.length) done();
    },
  });
  await overlay.start();
  for (const each of waiting) source.stream.append(accepted(each));
  await all;
  await overlay.stop();
}

function accepted({ acceptedMs, editor }: WaitingFact): AcceptedCommand {
  const story = command({ editor });
  const { payload, payloadSha, ...envelope } = envelopeOf(story);
  return {
    ...envelope,
    commandId: story.commandId as CommandId,
    sessionId: story.sessionId as SessionId,
    editor: editor as EditorId,
    payloadSha: payloadSha as Sha256,
    acceptedAt: new Date(acceptedMs).toISOString(),
    position: { partition: 0, seq: 0, index: 0, count: 1 },
  };
}
