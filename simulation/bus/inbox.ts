import { publishedSubjectOf } from '../../src/streams/subjects.js';
import type { CommandInbox, Delivery } from '../../src/workers/ports.js';
import type { Network } from '../kernel/network.js';
import type { Process } from '../kernel/process.js';
import type { CommandMessage, CommandStream } from './commandStream.js';

const REQUEST_MS = 2_000;
const PULL_EXPIRES_MS = 20_000;

/** The command stream as one worker process takes it. */
export function inboxOf(process: Process, network: Network, commands: CommandStream): CommandInbox {
  const ask = <T>(serve: () => T): Promise<T> => network.request(process, REQUEST_MS, serve);
  return {
    streamCreated: commands.created,
    reset: (partition) => ask(() => ({ ackFloor: commands.reset(partition) })),
    pull: (partition, max, signal) => pull(process, network, commands, { partition, max, signal }),
    pending: (partition) => ask(() => commands.pending(partition)),
    purgeBelow: async () => undefined,
    usage: async () => ({ bytes: 0, maxBytes: 0 }),
  };
}

/** A message with its place among all that the consumer has handed out since its reset. */
interface Arrived {
  readonly message: CommandMessage;
  readonly order: number;
}

interface PullRequest {
  readonly partition: number;
  readonly max: number;
  readonly signal: AbortSignal;
}

async function* pull(
  process: Process,
  network: Network,
  commands: CommandStream,
  { partition, max, signal }: PullRequest,
): AsyncIterable<Delivery> {
  if (signal.aborted) return;
  const arrived: Arrived[] = [];
  let ended = false;
  let wake: () => void = () => undefined;
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  const close = await network.request(process, REQUEST_MS, () =>
    commands.pull(partition, {
      process,
      max,
      expiresMs: PULL_EXPIRES_MS,
      onMessage: (message, order) => {
        arrived.push({ message, order });
        wake();
      },
      onEnd,
    }),
  );
  signal.addEventListener('abort', onEnd, { once: true });
  try {
    for (;;) {
      if (signal.aborted) return;
      const next = arrived.shift();
      if (next) yield deliveryOf(next, process, network, commands);
      else if (ended) return;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  } finally {
    signal.removeEventListener('abort', onEnd);
    network.send(process, close);
  }
}

function deliveryOf(
  { message, order }: Arrived,
  process: Process,
  network: Network,
  commands: CommandStream,
): Delivery {
  const { partition, seq, subject, headers, data, items } = message;
  return {
    partition,
    seq,
    order,
    items,
    original: { subject: publishedSubjectOf(subject), headers, data },
    ack: () => {
      process.kernel.trace.add(process.kernel.nowMs, process.name, 'acks', seq);
      network.send(process, () => commands.ack(partition, seq));
    },
    working: () => undefined,
  };
}
