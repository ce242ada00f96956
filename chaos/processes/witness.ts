import { createWriteStream } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream } from '@nats-io/jetstream';
import { readStream } from '../../src/streams/streamReader.js';
import type { NatsObserver } from './natsObserver.js';

const PARKED = 'SPARK_PARKED';
const RETRY_MS = 250;
const ACKS = '$JS.ACK.SPARK_COMMANDS.>';
/** Tokens of an acknowledgement's subject, from 0: `$JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.…`. */
const [CONSUMER, DELIVERED, STREAM_SEQ] = [3, 4, 5];

interface ParkedCommand {
  readonly commandId: string;
  readonly sessionId: string;
  readonly position: { readonly seq: number; readonly index: number };
}

/**
 * Writes down, line by line, what the run itself forgets: every batch as it is stored in the parking (which is emptied as its commands
 * end) and every acknowledgement in the command stream. Nothing is judged by it; it is for whoever has a violation to explain.
 */
export function writeWitness(observer: NatsObserver, path: string): { stop(): Promise<void> } {
  const file = createWriteStream(path);
  const stopped = new AbortController();
  const write = (line: object) =>
    void file.write(`${JSON.stringify({ at: new Date().toISOString(), ...line })}\n`);
  const acks = observer.connection.subscribe(ACKS, {
    callback: (_error, { subject, data }) => {
      const tokens = subject.split('.');
      write({
        kind: 'ack',
        what: new TextDecoder().decode(data).split(' ', 1)[0],
        consumer: tokens[CONSUMER],
        seq: Number(tokens[STREAM_SEQ]),
        delivered: Number(tokens[DELIVERED]),
      });
    },
  });
  const reading = readParking(observer, write, stopped.signal);
  return {
    stop: async () => {
      stopped.abort();
      acks.unsubscribe();
      await reading;
      await new Promise<void>((done) => file.end(done));
    },
  };
}

async function readParking(
  observer: NatsObserver,
  write: (line: object) => void,
  signal: AbortSignal,
): Promise<void> {
  let after = 0;
  while (!signal.aborted) {
    try {
      const js = jetstream(observer.connection);
      for await (const { streamSeq, tsMs, subject, headers, data } of readStream(js, PARKED, after, signal)) {
        after = streamSeq;
        const by = Object.fromEntries([...(headers ?? [])].map(([name, [value]]) => [name, value]));
        write({
          kind: 'parked',
          seq: streamSeq,
          stored: new Date(tsMs).toISOString(),
          editor: subject.slice(subject.lastIndexOf('.') + 1),
          epoch: by['Spark-Owner-Epoch'],
          commands: commandsOf(data),
        });
      }
    } catch {
      // The server is away, as it often is here: on from where it was.
    }
    await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
  }
}

function commandsOf(data: Uint8Array): string[] {
  const commands = JSON.parse(new TextDecoder().decode(data)) as ParkedCommand[];
  return commands.map(
    ({ commandId, sessionId, position: { seq, index } }) => `${seq}.${index} ${sessionId} ${commandId}`,
  );
}
