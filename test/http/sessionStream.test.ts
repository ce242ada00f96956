import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { uuidFrom } from '../../src/core/ids.js';
import type { LoggedEvent } from '../../src/events/event.js';
import type { StreamedEvent } from '../../src/http/readPort.js';
import { type StreamSink, streamSession } from '../../src/http/sessionStream.js';
import { completedEvent, FakeFeed, FakeReads } from '../support/httpFakes.js';

/**
 * A log that three parties see at different moments: the stream itself (`store`), this process' feed (`announce`), and the
 * read model (`appliedSeq`). The schedule says who moves at each point where the stream under test lets go.
 */
type Move = 'store' | 'announce' | 'project';

class Race {
  readonly feed = new FakeFeed();
  readonly reads = new FakeReads(this.feed);
  readonly unannounced: LoggedEvent[] = [];
  #n = 0;

  constructor() {
    this.reads.appliedSeq = 0;
  }

  move(move: Move): void {
    if (move === 'store')
      // Every third event is another session's: seqs of one session have holes.
      this.unannounced.push(
        this.feed.store(completedEvent(uuidFrom('race', ++this.#n), this.#n % 3 === 0 ? 's2' : 's1')),
      );
    if (move === 'announce') {
      const next = this.unannounced.shift();
      if (next) this.feed.announce(next);
    }
    if (move === 'project') {
      const next = this.feed.log.find(({ seq }) => seq > this.reads.appliedSeq);
      if (next) this.reads.appliedSeq = next.seq;
    }
  }
}

const moves = fc.array(fc.constantFrom<Move>('store', 'announce', 'project'), { maxLength: 30 });

describe('a session stream beside a racing feed', () => {
  it('whatever the interleaving, the client sees each seq once, in order, without a gap', async () => {
    await fc.assert(
      fc.asyncProperty(
        moves,
        fc.array(moves, { minLength: 1, maxLength: 12 }),
        fc.nat(10),
        async (before, during, resumeAt) => {
          const race = new Race();
          for (const move of before) race.move(move);
          // The client resumes from an event it has really seen, in this process or through another one.
          const seen = race.feed.log.filter(({ event }) => event.sessionId === 's1');
          const after = resumeAt === 0 ? undefined : seen[Math.min(resumeAt, seen.length) - 1]?.seq;
          let turn = 0;
          const step = () => {
            for (const move of during[turn++] ?? []) race.move(move);
          };
          race.reads.beforePage = step;
          race.reads.whileWaiting = () => {
            step();
            // The read model does catch up with what was in the log, in its bounded time.
            race.reads.appliedSeq = Math.max(race.reads.appliedSeq, race.feed.lastSeq(), after ?? 0);
          };
          const got: StreamedEvent[] = [];
          const resets: string[] = [];
          const sink: StreamSink = {
            send: (event) => got.push(event),
            reset: (reason) => resets.push(reason),
            drop: (reason) => resets.push(reason),
            taken: async () => step(),
          };
          const gone = new AbortController();
          await streamSession(race, { sessionId: 's1', after, fromLatest: false }, sink, gone.signal);
          for (let rest = race.unannounced.length; rest > 0; rest--) race.move('announce');
          gone.abort();
          race.feed.append(completedEvent(uuidFrom('late', 1), 's1'));

          const all = race.feed.log.slice(0, -1).filter(({ event }) => event.sessionId === 's1');
          expect(resets).toEqual([]);
          expect(got.map(({ seq }) => seq)).toEqual(
            all.map(({ seq }) => seq).filter((seq) => seq > (after ?? 0)),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('given more live events than may wait while history is read, then the client is cut', async () => {
    const race = new Race();
    const dropped: string[] = [];
    race.reads.whileWaiting = () => {
      for (let i = 0; i <= 10_000 && dropped.length === 0; i++)
        race.feed.append(completedEvent(uuidFrom('flood', i), 's1'));
      gone.abort();
    };
    const gone = new AbortController();
    const sink: StreamSink = {
      send: () => {},
      reset: () => {},
      drop: (reason) => dropped.push(reason),
      taken: async () => {},
    };
    await streamSession(race, { sessionId: 's1', after: undefined, fromLatest: false }, sink, gone.signal);
    expect(dropped).toEqual(['waiting_full']);
    expect(race.feed.listeners).toBe(0);
  });
});
