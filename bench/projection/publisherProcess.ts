/** A process of its own that appends a story to the log in real time, open loop: a message is due when its time has come, whatever became of others. */
import { jetstream } from '@nats-io/jetstream';
import { connectRole } from '../../src/streams/connection.js';
import { SUBJECTS } from '../../src/streams/subjects.js';
import { sleep, summary } from '../support/spark.js';
import { natsCredentials } from './servers.js';
import { messagesOf } from './story/messages.js';
import { Story } from './story/story.js';

/** What it is told as its argument, as JSON. */
export interface PublisherOrder {
  readonly natsUrl: string;
  readonly seed: number;
  readonly editors: number;
  readonly eventsPerSecond: number;
  readonly seconds: number;
}

/** What it answers over IPC when it has ended. */
export interface Published {
  readonly events: number;
  readonly messages: number;
  /** From when a message was due to when it was sent: above a few ms the generator was too slow, and the figures are not of this rate. */
  readonly lateMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** From sent to acknowledged. */
  readonly ackMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly cpuSeconds: number;
  readonly lastStreamSeq: number;
}

const START_AFTER_MS = 300;

async function publish(order: PublisherOrder): Promise<Published> {
  const nc = await connectRole('worker', order.natsUrl, natsCredentials('worker'));
  const js = jetstream(nc, { timeout: 30_000 });
  const began = process.cpuUsage();
  const { seed, editors, eventsPerSecond } = order;
  const story = new Story({ seed, editors, eventsPerSecond, beginMs: Date.now() + START_AFTER_MS });
  const late: number[] = [];
  const acks: number[] = [];
  const flying: Promise<void>[] = [];
  let events = 0;
  let lastStreamSeq = 0;
  for (const message of messagesOf(story, eventsPerSecond * order.seconds)) {
    const early = message.atMs - Date.now();
    if (early > 0) await sleep(early);
    late.push(Math.max(0, Date.now() - message.atMs));
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
process.send?.(answer);
