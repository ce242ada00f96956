import { describe, expect, it } from 'vitest';
import type { LogEntry } from '../../../src/projections/logEntries.js';
import { entriesOfLog } from '../../../src/projections/logSession.js';
import { isNear, leftMsOf } from '../../../src/projections/rebuild/catchUp.js';
import {
  type EntrySource,
  entriesOfHistory,
  entriesUpTo,
} from '../../../src/projections/rebuild/entriesUpTo.js';
import { findSeq } from '../../../src/projections/rebuild/findSeq.js';
import { newCheckpointName, resumable } from '../../../src/projections/rebuild/idleTables.js';
import { MemoryLog } from '../../support/memoryLog.js';
import { command, started } from '../../support/story.js';

const { signal } = new AbortController();

/** Messages 1 to `count` of three events each, ten milliseconds apart from 1000 on. */
function logOf(count: number): MemoryLog {
  const log = new MemoryLog();
  for (let i = 0; i < count; i++)
    log.append([started(command()), started(command()), started(command())], 1_000 + i * 10);
  return log;
}

async function all(source: EntrySource, afterSeq = 0): Promise<LogEntry[]> {
  const found: LogEntry[] = [];
  for await (const entry of source(afterSeq, signal)) found.push(entry);
  return found;
}
const seqsOf = (entries: readonly LogEntry[]): number[] =>
  entries.flatMap(({ events }) => events.map(({ seq }) => seq));

describe('the log up to a place', () => {
  it('given a place inside a message, then the message is cut and the last entry ends there', async () => {
    const found = await all(entriesUpTo(entriesOfLog(logOf(3)), 2_049));
    expect(seqsOf(found)).toEqual([1_024, 1_025, 1_026, 2_048, 2_049]);
    expect(found.map(({ toSeq }) => toSeq)).toEqual([undefined, 2_049]);
  });

  it('given a place where no message is, then an empty entry ends there', async () => {
    const log = logOf(3);
    const withGap: EntrySource = async function* gap(afterSeq, aborted) {
      for await (const entry of entriesOfLog(log)(afterSeq, aborted)) if (entry.streamSeq !== 2) yield entry;
    };
    const found = await all(entriesUpTo(withGap, 2_500));
    expect(seqsOf(found)).toEqual([1_024, 1_025, 1_026]);
    expect(found.at(-1)).toMatchObject({ streamSeq: 2, toSeq: 2_500, tsMs: 1_000, events: [] });
  });

  it('given events that are lost, then they are passed over', async () => {
    const lost = new Set([1_025, 2_048]);
    expect(seqsOf(await all(entriesUpTo(entriesOfLog(logOf(2)), 3_071, lost)))).toEqual([
      1_024, 1_026, 2_049, 2_050,
    ]);
  });
});

describe('a history whose head is gone from the stream', () => {
  const historyOf = (log: MemoryLog, asked: unknown[]): EntrySource =>
    entriesOfHistory(
      entriesOfLog(log),
      async function* rows(range) {
        asked.push(range);
        yield { streamSeq: 1, tsMs: 1, bytes: 1, events: [], unreadable: [] };
      },
      async () => ({ firstStreamSeq: await log.firstStreamSeq(), lastStreamSeq: await log.lastStreamSeq() }),
    );

  it('given a place before the head, then rows come first; given one behind it, only the stream', async () => {
    const log = logOf(4);
    log.dropBefore(3);
    const asked: unknown[] = [];
    const upTo = entriesUpTo(historyOf(log, asked), 4 * 1_024 + 1_023);
    expect((await all(upTo)).map(({ streamSeq }) => streamSeq)).toEqual([1, 3, 4]);
    expect(asked).toEqual([{ afterSeq: 0, beforeStreamSeq: 3 }]);
    expect((await all(upTo, 3 * 1_024 + 1_023)).map(({ streamSeq }) => streamSeq)).toEqual([4]);
    expect(asked.length).toBe(1);
  });

  it('given nothing left in the stream, then it ends with the rows', async () => {
    const log = logOf(4);
    log.dropBefore(5);
    const found = await all(entriesUpTo(historyOf(log, []), 4 * 1_024 + 1_023));
    expect(found.map(({ streamSeq, toSeq }) => [streamSeq, toSeq])).toEqual([
      [1, undefined],
      [4, 5_119],
    ]);
  });
});

describe('the place that a moment names', () => {
  const find = async (tsMs: number, log = logOf(50)): Promise<number> => {
    const state = {
      created: '',
      firstStreamSeq: await log.firstStreamSeq(),
      lastStreamSeq: 50,
      foreign: false,
    };
    return findSeq({ kind: 'time', tsMs }, log, state, entriesOfLog(log), signal);
  };

  it('given a time, then it is the end of the last message up to it', async () => {
    expect(await find(1_000)).toBe(1 * 1_024 + 1_023);
    expect(await find(1_009)).toBe(1 * 1_024 + 1_023);
    expect(await find(1_230)).toBe(24 * 1_024 + 1_023);
    expect(await find(9_999)).toBe(50 * 1_024 + 1_023);
    expect(await find(999)).toBe(0);
  });

  it('given a sequence behind the end, then it is the end', async () => {
    const state = { created: '', firstStreamSeq: 1, lastStreamSeq: 2, foreign: false };
    const log = logOf(2);
    expect(await findSeq({ kind: 'seq', seq: 1_025 }, log, state, entriesOfLog(log), signal)).toBe(1_025);
    expect(await findSeq({ kind: 'seq', seq: 99_999 }, log, state, entriesOfLog(log), signal)).toBe(3_071);
  });
});

describe('near enough to switch over', () => {
  it('goes by the pace of the last round', () => {
    const round = { fromSeq: 0, toSeq: 100 * 1_024, tookMs: 1_000 };
    expect(leftMsOf(round, 100 * 1_024, 150 * 1_024)).toBe(500);
    expect(leftMsOf(round, 100 * 1_024, 100 * 1_024)).toBe(0);
    expect(leftMsOf({ ...round, toSeq: 0 }, 0, 9_000 * 1_024)).toBe(500);
  });

  it('asks for less than half a second at first, and for less than five at last', () => {
    expect([isNear(500, 0), isNear(501, 0), isNear(5_000, 8), isNear(5_001, 99)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });
});

describe('what an interrupted rebuild left', () => {
  const left = (table: 'spark_events' | 'spark_usage', over: object = {}) =>
    ({ table, checkpoint: 'log:rebuild-3', role: 'building', build: '1', ...over }) as const;

  it('is gone on with by the same build for the same tables alone', () => {
    const both = [left('spark_events'), left('spark_usage')];
    const names = ['spark_events', 'spark_usage'];
    expect(resumable(both, names, '1')).toBe('log:rebuild-3');
    expect(resumable(both, names, '2')).toBeUndefined();
    expect(resumable(both, ['spark_events'], '1')).toBeUndefined();
    expect(resumable([left('spark_events')], names, '1')).toBeUndefined();
    expect(
      resumable([left('spark_events'), left('spark_usage', { checkpoint: 'log:rebuild-4' })], names, '1'),
    ).toBeUndefined();
    expect(
      resumable([left('spark_events'), left('spark_usage', { role: 'previous' })], names, '1'),
    ).toBeUndefined();
  });

  it('never shares the name of its checkpoint', () => {
    expect(newCheckpointName([])).toBe('log:rebuild-1');
    expect(newCheckpointName(['log:rebuild-9', 'log:rebuild-10'])).toBe('log:rebuild-11');
  });
});
