import { jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '../../src/streams/connection.js';
import { SUBJECTS } from '../../src/streams/subjects.js';
import type { StoryMessage } from './story/messages.js';

const IN_FLIGHT = 64;
const ACK_TIMEOUT_MS = 30_000;

export interface Filled {
  readonly events: number;
  readonly messages: number;
  readonly bytes: number;
  /** The newest message's sequence in the stream. */
  readonly lastStreamSeq: number;
}

/** Appends the messages to the log as fast as it takes them, each acknowledged; as `worker`, who alone may. */
export async function fillLog(worker: NatsConnection, messages: Iterable<StoryMessage>): Promise<Filled> {
  const js = jetstream(worker, { timeout: ACK_TIMEOUT_MS });
  const filled = { events: 0, messages: 0, bytes: 0, lastStreamSeq: 0 };
  const flying = new Set<Promise<void>>();
  for (const { partition, events, data } of messages) {
    filled.events += events;
    filled.messages++;
    filled.bytes += data.length;
    const publish = js.publish(`${SUBJECTS.log}.${partition}`, data).then(({ seq }) => {
      filled.lastStreamSeq = Math.max(filled.lastStreamSeq, seq);
    });
    const landed = publish.finally(() => flying.delete(landed));
    flying.add(landed);
    if (flying.size >= IN_FLIGHT) await Promise.race(flying);
  }
  await Promise.all(flying);
  return filled;
}
