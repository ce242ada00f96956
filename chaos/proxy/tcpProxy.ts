import { connect, createServer, type Server, type Socket } from 'node:net';
import type { WireFault } from '../ports.js';

/**
 * A wire between a client and a server, with a fault on it or none. `port` stays the same for its life. What is sent through is never
 * reordered and, but for `lose_reply`, never lost: a black hole that is healed delivers late, as a network does that comes back.
 */
export interface TcpProxy {
  readonly port: number;
  /** The local ports from which it speaks to the server now: by them the server's own monitoring tells whose connection is whose. */
  readonly upstreamPorts: readonly number[];
  /** Replaces the fault there is. */
  hurt(fault: WireFault): void;
  heal(): void;
  close(): Promise<void>;
}

/** Both directions of one connection. */
interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
}

/** What waits in a delayed wire at most, per direction; beyond it the sender is made to wait. */
const DELAYED_MAX_BYTES = 1024 * 1024;

export async function startTcpProxy(targetPort: number, listenPort = 0): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let fault: WireFault | undefined;
  const current = (): WireFault | undefined => fault;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const pair = { client, upstream: connect({ port: targetPort, host: '127.0.0.1', allowHalfOpen: true }) };
    pairs.add(pair);
    join(pair, () => pairs.delete(pair));
    carry(client, pair.upstream, current, 'request');
    carry(pair.upstream, client, current, 'reply');
    if (fault?.kind === 'black_hole') hold(pair);
  });
  const port = await listen(server, listenPort);
  const cut = (): void => {
    for (const { client, upstream } of [...pairs]) {
      client.destroy();
      upstream.destroy();
    }
  };
  const heal = (): void => {
    const before = fault;
    fault = undefined;
    if (before?.kind === 'black_hole') for (const pair of pairs) release(pair);
    // The client would wait for ever for the rest of an answer whose beginning is gone.
    if (before?.kind === 'lose_reply') cut();
  };
  return {
    port,
    get upstreamPorts() {
      return [...pairs].flatMap(({ upstream }) => upstream.localPort ?? []);
    },
    heal,
    hurt: (wanted) => {
      heal();
      if (wanted.kind === 'cut') return cut();
      fault = wanted;
      if (wanted.kind === 'black_hole') for (const pair of pairs) hold(pair);
    },
    close: async () => {
      cut();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the wire has no port'));
      else resolve(address.port);
    });
  });
}

/** One end gone, both are gone. */
function join({ client, upstream }: Pair, gone: () => void): void {
  for (const socket of [client, upstream]) {
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      client.destroy();
      upstream.destroy();
      gone();
    });
  }
}

function hold({ client, upstream }: Pair): void {
  client.pause();
  upstream.pause();
}

function release({ client, upstream }: Pair): void {
  client.resume();
  upstream.resume();
}

/** Moves bytes from one socket to the other under whatever fault is on at the time. */
function carry(
  from: Socket,
  to: Socket,
  fault: () => WireFault | undefined,
  direction: 'request' | 'reply',
): void {
  let waitingBytes = 0;
  let readyAtMs = 0;
  const holds = (): boolean => fault()?.kind === 'black_hole';
  const write = (data: Buffer): void => {
    if (to.destroyed || to.writableEnded || to.write(data)) return;
    from.pause();
    to.once('drain', () => {
      if (!holds()) from.resume();
    });
  };
  /** Runs after what is delayed before it, so that nothing overtakes. */
  const inTurn = (delayMs: number, act: () => void): void => {
    const nowMs = performance.now();
    readyAtMs = Math.max(readyAtMs, nowMs + delayMs);
    if (readyAtMs <= nowMs) act();
    else setTimeout(act, readyAtMs - nowMs);
  };
  from.on('data', (data) => {
    const on = fault();
    if (on?.kind === 'lose_reply' && direction === 'reply') return;
    waitingBytes += data.length;
    if (waitingBytes > DELAYED_MAX_BYTES) from.pause();
    inTurn(on?.kind === 'delay' ? on.ms : 0, () => {
      waitingBytes -= data.length;
      write(data);
      if (from.isPaused() && waitingBytes <= DELAYED_MAX_BYTES && !to.writableNeedDrain && !holds())
        from.resume();
    });
  });
  from.on('end', () => inTurn(0, () => void (to.destroyed || to.writableEnded || to.end())));
}
