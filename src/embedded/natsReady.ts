import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = 5;
const ATTEMPT_TIMEOUT_MS = 2_000;

/** What a nats-server says of itself to everybody who connects. */
export interface NatsInfo {
  readonly version: string;
  readonly jetstream: boolean;
}

/** Connects until the server introduces itself with JetStream on. Gives up when the signal aborts. */
export async function waitForNats(port: number, signal: AbortSignal): Promise<NatsInfo> {
  for (;;) {
    signal.throwIfAborted();
    const info = await readNatsInfo(port);
    if (info?.jetstream === true) return info;
    await sleep(RETRY_MS, undefined, { signal });
  }
}

/** The INFO line of the server at that loopback port; undefined when nobody answers like a NATS server. */
export function readNatsInfo(port: number): Promise<NatsInfo | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let received = '';
    const settle = (info: NatsInfo | undefined): void => {
      resolve(info);
      socket.destroy();
    };
    socket.setTimeout(ATTEMPT_TIMEOUT_MS, () => settle(undefined));
    socket.on('error', () => settle(undefined));
    socket.on('close', () => settle(undefined));
    socket.on('data', (chunk) => {
      received += chunk.toString('utf8');
      const line = /^INFO (.*)\r\n/.exec(received)?.[1];
      if (line !== undefined) settle(parseInfo(line));
    });
  });
}

function parseInfo(line: string): NatsInfo | undefined {
  try {
    const info: unknown = JSON.parse(line);
    if (typeof info !== 'object' || info === null || !('version' in info)) return undefined;
    const jetstream = 'jetstream' in info && info.jetstream === true;
    return typeof info.version === 'string' ? { version: info.version, jetstream } : undefined;
  } catch {
    return undefined;
  }
}
