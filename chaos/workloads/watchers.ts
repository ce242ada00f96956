import type { History, HistoryRecord } from '../history.js';
import type { System, Workload } from '../ports.js';
import type { Random } from '../random.js';
import { appendSession } from './appendTokens.js';
import { limited, pause } from './pause.js';
import { readEvents } from './serverSentEvents.js';
import { workload } from './workload.js';

const SESSIONS = 4;
const RECONNECT_MS = 200;
/** A watcher hangs up on its own now and then: resuming is what is watched. */
const HANG_UP_MS = { least: 3_000, most: 15_000 };
/** A stream that is silent so long (heartbeats are more frequent) is a dead connection. */
const SILENCE_MS = 40_000;

/** Follows sessions live, comes back with Last-Event-ID whenever the stream breaks, and writes down what came. */
export function watchers(options: { readonly random: Random; readonly prefix: string }): Workload {
  return workload('watchers', options, async ({ system, history, signal, random, prefix }) => {
    await Promise.all(
      Array.from({ length: SESSIONS }, async (_, index) => {
        const own = random.branch(String(index));
        const watcher = new Watcher(system, history, `watcher-${index}`, appendSession(prefix, index));
        while (!signal.aborted) {
          const life = limited(own.between(HANG_UP_MS.least, HANG_UP_MS.most), signal);
          await watcher.follow(life.signal, 'hung up');
          life.clear();
          await pause(RECONNECT_MS, signal);
        }
      }),
    );
  });
}

class Watcher {
  readonly #system: System;
  readonly #history: History;
  readonly #name: string;
  readonly #session: string;
  #cursor: number;
  #heardMs = performance.now();

  constructor(system: System, history: History, name: string, session: string, cursor = 0) {
    this.#system = system;
    this.#history = history;
    this.#name = name;
    this.#session = session;
    this.#cursor = cursor;
  }

  get silentMs(): number {
    return performance.now() - this.#heardMs;
  }

  /** One connection, to its end or to the signal's. */
  async follow(signal: AbortSignal, reason: string): Promise<void> {
    const [door] = this.#system.http;
    if (!door) return;
    const base = { kind: 'feed', watcher: this.#name, session: this.#session } as const;
    const after = this.#cursor;
    let open = false;
    let ended = reason;
    try {
      const events = readEvents(`${door.url}/v1/sessions/${this.#session}/events`, {
        token: door.token,
        lastEventId: after === 0 ? undefined : String(after),
        silenceMs: SILENCE_MS,
        signal,
      });
      for await (const { event, id, data } of events) {
        if (!open) this.#history.write({ ...base, happened: 'open', after });
        open = true;
        if (event === 'connected') continue;
        this.#heardMs = performance.now();
        const body = JSON.parse(data) as { eventId?: string; reason?: string; from?: 'beginning' | 'live' };
        if (event === 'reset') {
          if (body.from === 'beginning') this.#cursor = 0;
          this.#history.write({ ...base, happened: 'reset', reason: body.reason, from: body.from });
          continue;
        }
        const seq = Number(id);
        this.#history.write({ ...base, happened: 'event', seq, eventId: body.eventId });
        this.#cursor = Math.max(this.#cursor, seq);
      }
    } catch (error) {
      if (!signal.aborted) ended = error instanceof Error ? error.message : String(error);
    }
    if (open) this.#history.write({ ...base, happened: 'close', reason: ended });
  }
}

const QUIET_MS = 2_000;
const FINISH_MS = 20_000;

/** Lets every watcher come back once more when everything runs again, and read to the end. */
export async function finishWatchers(
  system: System,
  history: History,
  records: readonly HistoryRecord[],
): Promise<void> {
  const cursors = new Map<string, { session: string; cursor: number }>();
  for (const record of records) {
    if (record.kind !== 'feed') continue;
    const { watcher, session, happened, seq = 0, from } = record;
    const known = cursors.get(watcher)?.cursor ?? 0;
    const cursor = happened === 'reset' && from === 'beginning' ? 0 : Math.max(known, seq);
    cursors.set(watcher, { session, cursor });
  }
  await Promise.all(
    [...cursors].map(async ([name, { session, cursor }]) => {
      const watcher = new Watcher(system, history, name, session, cursor);
      const quiet = new AbortController();
      const life = limited(FINISH_MS, quiet.signal);
      const following = watcher.follow(life.signal, 'watched to the end');
      const never = new AbortController().signal;
      do await pause(QUIET_MS / 4, never);
      while (watcher.silentMs < QUIET_MS && !life.signal.aborted);
      quiet.abort();
      await following;
      life.clear();
    }),
  );
}
