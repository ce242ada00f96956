/**
 * A process of its own that projects, as the projector role does: the log of a nats-server, or a story that it makes up itself, as fast as
 * it can be folded and then, when told so, in real time.
 */
import { once } from 'node:events';
import { systemClock } from '../../src/core/clock.js';
import { createPool } from '../../src/postgres/pools.js';
import type { LogSource } from '../../src/projections/ports.js';
import { createProjector } from '../../src/projections/projector.js';
import { connectRole } from '../../src/streams/connection.js';
import { createLogSource } from '../../src/streams/logReader.js';
import { progress } from '../support/progress.js';
import { sleep } from '../support/spark.js';
import { natsCredentials } from './servers.js';
import { messagesOf, type StoryMessage } from './story/messages.js';
import { Story } from './story/story.js';
import { StoryLog, storyImages, type Timed } from './storyLog.js';

/** What it is told as its argument, as JSON. */
export interface ProjectorOrder {
  /** As `spark_projector`, on the primary. */
  readonly postgresUrl: string;
  readonly from: { readonly natsUrl: string } | StoryOrder;
}

export interface StoryOrder {
  readonly seed: number;
  readonly editors: number;
  /** How many events it begins with, and over how many ms their times are spread. */
  readonly events: number;
  readonly spanMs: number;
  /** How long the fill will take, about: the story ends as it does, and not that long before. */
  readonly fillMs: number;
}

/** What it says over IPC. */
export type ProjectorWord =
  | { readonly word: 'ready' }
  /** The story's beginning is in the tables; CPU seconds are of this process, the making of the story included. */
  | {
      readonly word: 'filled';
      readonly events: number;
      readonly ms: number;
      readonly cpuSeconds: number;
      readonly sessions: number;
      /** Of the log's messages: what JetStream would hold. */
      readonly logBytes: number;
    }
  /** Going on in real time begins now. */
  | { readonly word: 'paced' };

/**
 * Over IPC it takes `'stop'` and, once filled, this: go on in real time with so many events a second. Those of the first seconds are made
 * up before, so that making them up takes no time of what is measured; the ones after them as it goes.
 */
export interface PaceOrder {
  readonly pace: number;
  readonly preparedSeconds: number;
}

const TELL_EVERY_MS = 15_000;
const MADE_AT_ONCE = 20;

const order = JSON.parse(process.argv[2] ?? '{}') as ProjectorOrder;
const say = (word: ProjectorWord): void => void process.send?.(word);
const stopped = stopWord();
const paceWord = paceOrder();

const pool = createPool({
  url: order.postgresUrl,
  applicationName: 'bench-projector',
  maxConnections: 6,
  statementTimeoutMs: 60_000,
});
let projectedEvents = 0;
let sessions = 0;
let logBytes = 0;
let nextTellMs = TELL_EVERY_MS;
const began = performance.now();
const projector = createProjector({
  pool,
  logSource: await sourceOf(order.from),
  imageSource: storyImages,
  clock: systemClock,
  onBatch: ({ events }) => {
    projectedEvents += events;
    tell();
    if ('events' in order.from && projectedEvents === order.from.events)
      say({
        ...{ word: 'filled', events: projectedEvents, sessions, logBytes },
        ms: performance.now() - began,
        cpuSeconds: (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
      });
  },
  onError: (error) => fail(error),
  onFatal: (error) => fail(error),
});
await projector.start();
say({ word: 'ready' });
await stopped;
await projector.stop();
await pool.end();
process.exit(0);

/** A fill of minutes shows how it goes. */
function tell(): void {
  if (!('events' in order.from) || projectedEvents >= order.from.events) return;
  const ms = performance.now() - began;
  if (ms < nextTellMs) return;
  nextTellMs = ms + TELL_EVERY_MS;
  const { events } = order.from;
  const eventsPerS = projectedEvents / (ms / 1_000);
  const leftS = Math.round((events - projectedEvents) / eventsPerS);
  progress(
    `${projectedEvents} of ${events} events projected, ${Math.round(eventsPerS)} a second, ${leftS} s left`,
  );
}

async function sourceOf(from: ProjectorOrder['from']): Promise<LogSource> {
  if (!('natsUrl' in from)) return new StoryLog(chapters(from));
  return createLogSource(await connectRole('projector', from.natsUrl, natsCredentials('projector')));
}

async function* chapters(from: StoryOrder): AsyncGenerator<Timed> {
  const { seed, editors, events, spanMs, fillMs } = from;
  const past = new Story({
    seed,
    editors,
    eventsPerSecond: (events / spanMs) * 1_000,
    beginMs: Date.now() + fillMs - spanMs,
  });
  for (const message of messagesOf(past, events)) {
    sessions = past.sessions;
    logBytes += message.data.length;
    // Nothing happens in the future: what is projected sooner than was thought happens now.
    yield { message, tsMs: Math.min(message.atMs, Date.now()) };
  }
  yield* paced(from, await paceWord);
}

/** In real time: each message when it is due, or as soon after as it can be taken. */
async function* paced({ seed, editors }: StoryOrder, order: PaceOrder): AsyncGenerator<Timed> {
  const { pace, preparedSeconds } = order;
  const madeMs = Date.now();
  const live = new Story({ seed: seed + 1, editors, eventsPerSecond: pace, beginMs: madeMs });
  const coming = messagesOf(live, Number.POSITIVE_INFINITY);
  const ready: StoryMessage[] = [];
  for (let made = 0; made < pace * preparedSeconds; ) {
    const { value } = coming.next();
    if (value === undefined) break;
    ready.push(value);
    made += value.events;
    // The projector's heartbeats go on.
    if (ready.length % MADE_AT_ONCE === 0) await sleep(0);
  }
  say({ word: 'paced' });
  const laterMs = Date.now() - madeMs;
  for (const message of inTurn(ready, coming)) {
    const dueMs = message.atMs + laterMs;
    const early = dueMs - Date.now();
    if (early > 0) await sleep(early);
    yield { message, tsMs: Math.min(Date.now(), dueMs) };
  }
}

function* inTurn<T>(first: Iterable<T>, then: Iterable<T>): Generator<T> {
  yield* first;
  yield* then;
}

async function stopWord(): Promise<void> {
  for (;;) {
    const [word] = (await once(process, 'message')) as [unknown];
    if (word === 'stop') return;
  }
}

async function paceOrder(): Promise<PaceOrder> {
  for (;;) {
    const [word] = (await once(process, 'message')) as [PaceOrder | string];
    if (typeof word === 'object') return word;
  }
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}
