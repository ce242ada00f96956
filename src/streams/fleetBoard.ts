import { jetstream } from '@nats-io/jetstream';
import { headers, type NatsConnection, RequestError } from 'nats';
import { type Clock, pause } from '../core/clock.js';
import { isToken } from '../core/ids.js';
import type { FleetBoard, Member, OnWord } from '../workers/fleet/fleetPort.js';
import { readStream, type StreamMessage } from './streamReader.js';
import { SUBJECTS } from './subjects.js';
import { STREAMS, WORKERS_BUCKET } from './topology.js';

const SAY_TIMEOUT_MS = 2_000;
const PING_TIMEOUT_MS = 1_000;
const RETRY_MS = 200;
const KEY_PREFIX = `$KV.${WORKERS_BUCKET}.`;
const REMOVED = 'KV-Operation';

const pingSubject = (workerId: string): string => `${SUBJECTS.internal}.worker.${workerId}`;

/** The workers' board: one entry a worker in a JetStream key-value bucket; entries of the dead expire by themselves. */
export function createFleetBoard(nc: NatsConnection, clock: Clock): FleetBoard {
  const js = jetstream(nc, { timeout: SAY_TIMEOUT_MS });
  return {
    say: async (member) => (await js.publish(`${KEY_PREFIX}${member.workerId}`, JSON.stringify(member))).seq,
    remove: async (workerId) => {
      const removed = headers();
      removed.set(REMOVED, 'DEL');
      await js.publish(`${KEY_PREFIX}${workerId}`, '', { headers: removed });
    },
    watch: (onWord, signal) => void follow(nc, clock, onWord, signal),
    ping: (workerId) => ping(nc, workerId),
    answerPings: (workerId) => {
      const subscription = nc.subscribe(pingSubject(workerId), {
        callback: (error, message) => {
          if (!error) message.respond();
        },
      });
      return () => subscription.unsubscribe();
    },
  };
}

async function ping(nc: NatsConnection, workerId: string): Promise<'lives' | 'silent' | 'gone'> {
  try {
    await nc.request(pingSubject(workerId), '', { timeout: PING_TIMEOUT_MS });
    return 'lives';
  } catch (error) {
    return error instanceof RequestError && error.isNoResponders() ? 'gone' : 'silent';
  }
}

async function follow(nc: NatsConnection, clock: Clock, onWord: OnWord, signal: AbortSignal): Promise<void> {
  let seen = 0;
  while (!signal.aborted) {
    try {
      for await (const message of readStream(
        jetstream(nc, { timeout: SAY_TIMEOUT_MS }),
        STREAMS.workers,
        seen,
        signal,
      )) {
        tell(message, onWord);
        seen = message.streamSeq;
      }
    } catch {
      // The server is away: goes on from where it was.
    }
    await pause(clock, RETRY_MS, signal);
  }
}

/** What cannot be read is no worker's word: the one before it holds. */
function tell({ subject, headers: told, data, streamSeq }: StreamMessage, onWord: OnWord): void {
  const workerId = subject.slice(KEY_PREFIX.length);
  if (!isToken(workerId)) return;
  if ([...(told ?? [])].some(([name]) => name === REMOVED)) onWord(workerId, undefined);
  else {
    const member = memberOf(data);
    // A first word is as old as its place: everybody must see the same one as the oldest.
    if (member?.workerId === workerId) onWord(workerId, { ...member, born: member.born ?? streamSeq });
  }
}

function memberOf(data: Uint8Array): Member | undefined {
  try {
    const { workerId, gate, born, ready, owned } = JSON.parse(
      Buffer.from(data).toString(),
    ) as Partial<Member>;
    const known = typeof workerId === 'string' && typeof gate === 'string' && typeof ready === 'boolean';
    if (!known || owned === null || typeof owned !== 'object') return undefined;
    return { workerId, gate, ready, owned, born: typeof born === 'number' ? born : null };
  } catch {
    return undefined;
  }
}
