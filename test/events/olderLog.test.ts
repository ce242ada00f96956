import { describe, expect, it } from 'vitest';
import { EVENT_VERSION } from '../../src/events/event.js';
import { upcast } from '../../src/events/upcast.js';
import { WorkerState } from '../../src/workers/ledger/workerState.js';
import { olderLog } from '../support/olderLog.js';

const COMMIT = '549a497';
const log = olderLog(COMMIT);

describe(`a log that the build ${COMMIT} wrote`, () => {
  it('holds events of version 1 that lack what version 2 always has', () => {
    expect(log.stored).toHaveLength(42);
    expect(new Set(log.stored.map((event) => event['v']))).toEqual(new Set([1]));
    const previews = log.stored.flatMap((event) => (event['preview'] ? [event['preview']] : []));
    expect(previews).toHaveLength(3);
    expect(previews.some((preview) => Object.hasOwn(preview as object, 'cached'))).toBe(false);
    const intents = log.stored.flatMap((event) => (event['intent'] ? [event['intent'] as object] : []));
    expect(intents.filter((intent) => !Object.hasOwn(intent, 'missingFolders')).length).toBeGreaterThan(5);
  });

  it('reads as today’s events, each with what its absence meant and nothing else changed', () => {
    for (const [i, { event }] of log.events.entries()) {
      const { v, ...stored } = log.stored[i] ?? {};
      expect([v, event.v]).toEqual([1, EVENT_VERSION]);
      expect(event).toMatchObject(stored);
      if (event.kind === 'completed' && event.preview) expect(event.preview.cached).toBe(false);
      if (event.kind === 'started' && event.intent)
        expect(Array.isArray(event.intent.missingFolders)).toBe(true);
    }
    const made = log.events.flatMap(({ event }) =>
      event.kind === 'started' ? (event.intent?.missingFolders ?? []) : [],
    );
    expect(made).toContain('Assets/World/Doors');
  });

  it('folds into a worker that knows every key, every end and every operation', () => {
    const state = new WorkerState({ maxKeys: 1_000, termMs: 86_400_000 });
    const nowMs = log.events.at(-1)?.tsMs ?? 0;
    for (const { event, seq, tsMs } of log.events) void state.follow(event, seq, tsMs);
    expect(state.open.size).toBe(0);
    for (const row of log.tables['command_states'] ?? []) {
      if (row['idempotency_key'] === null || row['state'] === 'rejected') continue;
      expect(state.ledger.find(String(row['command_id']), nowMs)).toMatchObject({
        state: row['state'],
        payloadSha: row['payload_sha'],
      });
    }
    const operations = log.tables['spark_operations'] ?? [];
    expect(operations.length).toBeGreaterThan(8);
    for (const row of operations) {
      const known = state.undoLog.findOperation(String(row['session_id']), String(row['operation_id']));
      expect(known?.effective).toBe(row['state'] === 'undone' ? 'undone' : 'applied');
    }
  });
});

describe('from version 1 to 2', () => {
  const base = { v: 1, kind: 'completed' };

  it('keeps what an event of a later build of version 1 says', () => {
    expect(upcast({ ...base, preview: { cached: true, mode: 'fast' } })).toEqual({
      ...base,
      v: 2,
      preview: { cached: true, mode: 'fast' },
    });
    expect(
      upcast({ ...base, intents: [{ path: 'a', missingFolders: ['x'] }, { path: 'b' }], intent: null }),
    ).toEqual({
      ...base,
      v: 2,
      intents: [
        { path: 'a', missingFolders: ['x'] },
        { path: 'b', missingFolders: [] },
      ],
      intent: null,
    });
  });

  it('leaves alone what is not there, and does not touch the stored event', () => {
    const stored = Object.freeze({ ...base, result: {} });
    expect(upcast(stored)).toEqual({ ...base, v: 2, result: {} });
    expect(stored).toEqual({ ...base, result: {} });
  });
});
