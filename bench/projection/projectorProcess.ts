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
import { sleep } from '../support/spark.js';
import { natsCredentials } from './servers.js';
import { messagesOf } from './story/messages.js';
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
  /** How many events it begins with, and over how many ms up to now their times are spread. */
  readonly events: number;
  readonly spanMs: number;
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
    };

/** Over IPC it takes `'stop'` and, once filled, `{ pace }`: go on in real time with so many events a second. */
export interface PaceOrder {
  readonly pace: number;
}

const TELL_EVERY_MS = 15_000;

const order = JSON.parse(process.argv[2] ?? '{}') as ProjectorOrder;
const say = (word: ProjectorWord): void => void process.send?.(word);
const stopped = stopWord();
const paced = paceWord();

const pool = createPool({
  url: order.postgresUrl,
  applicationName: 'bench-projector',
  maxConnections: 6,
  statementTimeoutMs: 60_000,
});
let projectedEvents = 0;
let sessions = 0;
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
        ...{ word: 'filled', events: projectedEvents, sessions },
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
  console.error(
    `${projectedEvents} events projected, ${Math.round(projectedEvents / (ms / 1_000))} a second`,
  );
}

async function sourceOf(from: ProjectorOrder['from']): Promise<LogSource> {
  if (!('natsUrl' in from)) return new StoryLog(chapters(from));
  return createLogSource(await connectRole('projector', from.natsUrl, natsCredentials('projector')));
}

async function* chapters({ seed, editors, events, spanMs }: StoryOrder): AsyncGenerator<Timed> {
  const past = new Story({
    seed,
    editors,
    eventsPerSecond: (events / spanMs) * 1_000,
    beginMs: Date.now() - spanMs,
  });
  for (const message of messagesOf(past, events)) {
    sessions = past.sessions;
    // A story of chance may end a little after its time: nothing happens in the future.
    yield { message, tsMs: Math.min(message.atMs, Date.now()) };
  }
  const eventsPerSecond = await paced;
  const live = new Story({ seed: seed + 1, editors, eventsPerSecond, beginMs: Date.now() });
  for (const message of messagesOf(live, Number.POSITIVE_INFINITY)) {
    const early = message.atMs - Date.now();
    if (early > 0) await sleep(early);
    yield { message, tsMs: message.atMs };
  }
}

async function stopWord(): Promise<void> {
  for (;;) {
    const [word] = (await once(process, 'message')) as [unknown];
    if (word === 'stop') return;
  }
}

async function paceWord(): Promise<number> {
  for (;;) {
    const [word] = (await once(process, 'message')) as [PaceOrder | string];
    if (typeof word === 'object') return word.pace;
  }
}

function fail(error: unknown): never {
  console.error(error);
  process.exit(1);
}
