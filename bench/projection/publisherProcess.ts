/**
 * A process of its own that appends a story to the log in real time, open loop: a message is due when its time has come, whatever became
 * of others. For a number of seconds, with everything made up before the first is due, so that making it up takes no time of the
 * pipeline's; or until it is told to stop, made up as it goes.
 */
import { once } from 'node:events';
import { jetstream } from '@nats-io/jetstream';
import { connectRole } from '../../src/streams/connection.js';
import { SUBJECTS } from '../../src/streams/subjects.js';
import { sleep, summary } from '../support/spark.js';
import { natsCredentials } from './servers.js';
import { messagesOf, type StoryMessage } from './story/messages.js';
import { Story } from './story/story.js';

/** What it is told as its argument, as JSON. */
export interface PublisherOrder {
  readonly natsUrl: string;
  readonly seed: number;
  readonly editors: number;
  readonly eventsPerSecond: number;
  /** Absent: until it gets `'stop'` over IPC. */
  readonly seconds?: number;
}

/** What it answers over IPC: `'prepared'`, and when it has ended this. */
export interface Published {
  readonly events: number;
  readonly messages: number;
  /** From when a message was due to when it was sent: above a few ms the generator was too slow, and the figures are not of this rate. */
  readonly lateMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** From sent to acknowledged. */
  readonly ackMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** Of sending alone where it was prepared. */
  readonly cpuSeconds: number;
  readonly lastStreamSeq: number;
}

const START_AFTER_MS = 300;

/** The messages, with their times counted from the story's beginning. */
function prepared({ seed, editors, eventsPerSecond, seconds }: PublisherOrder): Iterable<StoryMessage> {
  const story = new Story({ seed, editors, eventsPerSecond, beginMs: Date.now() });
  if (seconds === undefined) return messagesOf(story, Number.POSITIVE_INFINITY);
  return [...messagesOf(story, eventsPerSecond * seconds)];
}

async function publish(order: PublisherOrder): Promise<Published> {
  let stopping = false;
  once(process, 'message').then(
    () => {
      stopping = true;
    },
    () => undefined,
  );
  const madeMs = Date.now();
  const messages = prepared(order);
  const nc = await connectRole('worker', order.natsUrl, natsCredentials('worker'));
  const js = jetstream(nc, { timeout: 30_000 });
  process.send?.('prepared');
  const began = process.cpuUsage();
  const laterMs = Date.now() + START_AFTER_MS - madeMs;
  const late: number[] = [];
  const acks: number[] = [];
  const flying: Promise<void>[] = [];
  let events = 0;
  let lastStreamSeq = 0;
  for (const message of messages) {
    const dueMs = message.atMs + laterMs;
    const early = dueMs - Date.now();
    if (early > 0) await sleep(early);
    if (stopping) break;
    late.push(Math.max(0, Date.now() - dueMs));
    events += message.events;
    const sent = performance.now();
    flying.push(
      js.publish(`${SUBJECTS.log}.${message.partition}`, message.data).then(({ seq }) => {
        lastStreamSeq = Math.max(lastStreamSeq, seq);
        acks.push(performance.now() - sent);
      }),
    );
  }
  await Promise.all(flying);
  await nc.close();
  const { user, system } = process.cpuUsage(began);
  return {
    ...{ events, messages: flying.length, lastStreamSeq },
    lateMs: summary(late),
    ackMs: summary(acks),
    cpuSeconds: (user + system) / 1e6,
  };
}

const answer = await publish(JSON.parse(process.argv[2] ?? '{}') as PublisherOrder);
process.send?.(answer, () => process.disconnect());
