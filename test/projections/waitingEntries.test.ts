import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LoggedEvent, SparkEvent } from '../../src/events/event.js';
import { encodeLogMessage } from '../../src/events/log.js';
import type { CopyBuffer } from '../../src/postgres/copyBuffer.js';
import { type FoldedBatch, foldBatch } from '../../src/projections/foldBatch.js';
import { entryOf, WaitingEntry } from '../../src/projections/logEntries.js';
import { foldEntries } from '../../src/projections/poison.js';
import { command, completed, STORY_BEGAN_MS, started } from '../support/story.js';
import { wildLog } from '../support/wildLog.js';

const bytesOf = (rows: CopyBuffer): string => Buffer.concat(rows.finish()).toString('latin1');

/** Everything a batch would send, whichever way it was folded. */
const sent = (folded: FoldedBatch) => ({
  tables: [folded.events, folded.scripts, folded.previews, folded.commands, folded.operations].map(bytesOf),
  rows: [folded.calls, folded.uncertainCalls, folded.usage, folded.buildJobs, folded.reconciled, folded.acts],
  counts: [folded.callTallies, folded.eventTallies].map((tallies) =>
    Object.entries(tallies).map(([name, tally]) => [name, [...tally.rows()]]),
  ),
  maps: [folded.sessions, folded.editors, folded.images].map((map) => [...map]),
  others: [folded.commandIds, [...folded.hours]],
});

function messageOf(streamSeq: number, events: readonly SparkEvent[], tsMs = STORY_BEGAN_MS) {
  return { streamSeq, tsMs, partition: 0, data: encodeLogMessage(events) };
}

/** The messages a log of three events each came in. */
const messagesOf = (log: readonly LoggedEvent[]) =>
  Array.from({ length: Math.ceil(log.length / 3) }, (_, i) => {
    const events = log.slice(i * 3, i * 3 + 3);
    return messageOf(
      i + 1,
      events.map(({ event }) => event),
      events[0]?.tsMs,
    );
  });

const newer = { ...started(command()), v: 99 } as unknown as SparkEvent;
const poison = { ...started(command()), eventId: 'not-a-uuid' };

describe('messages that wait for their batch', () => {
  it('given any log, then folding its messages as they are sends what folding their events sends', async () => {
    await fc.assert(
      fc.asyncProperty(wildLog(60), async (log) => {
        const messages = messagesOf(log);
        const { attempt } = await foldEntries(messages.map((message) => new WaitingEntry(message)));
        const events = messages.flatMap((message) => entryOf(message).events);
        expect('folded' in attempt && sent(attempt.folded)).toEqual(sent(foldBatch(events)));
      }),
      { numRuns: 50 },
    );
  });

  it('given texts that Postgres refuses, then what is sent is clean', async () => {
    const story = command({ sessionId: 'a\0b' });
    const event = completed(story, { result: { text: 'nul \0 and \ud800' } });
    const { attempt } = await foldEntries([new WaitingEntry(messageOf(1, [event]))]);
    const bytes = 'folded' in attempt ? Buffer.from(bytesOf(attempt.folded.events), 'latin1').toString() : '';
    expect(bytes).toContain('nul \ufffd and \ufffd');
    expect(bytes).toContain('a\ufffdb');
  });

  it('given poison among them, then it alone is left out', async () => {
    const good = started(command());
    const { attempt, entries } = await foldEntries([
      new WaitingEntry(messageOf(1, [good, poison])),
      new WaitingEntry(messageOf(2, [good])),
    ]);
    expect(entries).toHaveLength(2);
    expect(attempt).toMatchObject({
      poisoned: [{ logged: { seq: 1_025 } }],
      folded: { events: { rows: 2 } },
    });
  });

  it('given a message of a newer build, then what came before is folded and the reason told; given it first, it is thrown', async () => {
    const [first, second] = [messageOf(1, [started(command()), poison]), messageOf(2, [newer])];
    const folded = await foldEntries([new WaitingEntry(first), new WaitingEntry(second)]);
    expect(folded).toMatchObject({
      entries: [{ streamSeq: 1 }],
      attempt: { folded: { events: { rows: 1 } } },
      refusal: { code: 'newer_events' },
    });
    await expect(foldEntries([new WaitingEntry(second)])).rejects.toMatchObject({ code: 'newer_events' });
  });
});
