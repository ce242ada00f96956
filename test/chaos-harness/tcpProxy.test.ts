import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../chaos/proxy/tcpProxy.js';

/** Answers every line with the same line, and keeps what it has heard. */
class Echo {
  readonly heard: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #onHeard: (() => void) | undefined;

  constructor() {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('data', (data) => {
        this.heard.push(data.toString());
        socket.write(data);
        this.#onHeard?.();
      });
    });
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this.port;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async hears(text: string): Promise<void> {
    while (!this.heard.join('').includes(text))
      await new Promise<void>((resolve) => {
        this.#onHeard = resolve;
      });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

class Client {
  readonly socket: Socket;
  #received = '';
  #onData: (() => void) | undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.socket.on('data', (data) => {
      this.#received += data.toString();
      this.#onData?.();
    });
  }

  get received(): string {
    return this.#received;
  }

  send(text: string): void {
    this.socket.write(text);
  }

  async receives(text: string): Promise<void> {
    while (!this.#received.includes(text))
      await new Promise<void>((resolve) => {
        this.#onData = resolve;
      });
  }
}

describe('a wire', () => {
  let echo: Echo;
  let proxy: TcpProxy;
  const clients: Client[] = [];
  const client = (): Client => {
    const made = new Client(proxy.port);
    clients.push(made);
    return made;
  };

  beforeEach(async () => {
    echo = new Echo();
    proxy = await startTcpProxy(await echo.listen());
  });

  afterEach(async () => {
    for (const one of clients.splice(0)) one.socket.destroy();
    await proxy.close();
    await echo.close();
  });

  it('carries both ways while nothing is wrong', async () => {
    const one = client();
    one.send('hello');
    await one.receives('hello');
    expect(proxy.upstreamPorts).toHaveLength(1);
  });

  it('ends every connection when it is cut, and lets new ones through', async () => {
    const one = client();
    one.send('hello');
    await one.receives('hello');
    const closed = once(one.socket, 'close');
    proxy.hurt({ kind: 'cut' });
    await closed;
    const other = client();
    other.send('again');
    await other.receives('again');
  });

  it('delivers late and in order what was sent into a black hole', async () => {
    const one = client();
    one.send('before,');
    await one.receives('before,');
    proxy.hurt({ kind: 'black_hole' });
    one.send('first,');
    one.send('second');
    // A connection made meanwhile hangs too, and nobody is told.
    const other = client();
    other.send('other');
    await once(other.socket, 'connect');
    // Long enough for bytes on loopback to arrive where nothing holds them: the wire to the echo is the same, but whole.
    await carriedBeside(echo);
    expect(echo.heard.join('')).toBe('before,beside');
    proxy.heal();
    await one.receives('first,second');
    await other.receives('other');
  });

  it('loses replies only, and ends the connection when it is healed', async () => {
    const one = client();
    one.send('hello');
    await one.receives('hello');
    proxy.hurt({ kind: 'lose_reply' });
    one.send('unanswered');
    await echo.hears('unanswered');
    const closed = once(one.socket, 'close');
    proxy.heal();
    await closed;
    expect(one.received).toBe('hello');
  });

  it('delays both directions and keeps the order', async () => {
    proxy.hurt({ kind: 'delay', ms: 60 });
    const one = client();
    const beganMs = performance.now();
    one.send('a');
    await one.receives('a');
    // There and back, less the coarseness of timers.
    expect(performance.now() - beganMs).toBeGreaterThan(110);
    one.send('b');
    proxy.heal();
    one.send('c');
    await one.receives('abc');
  });

  it('ends both sides when one has gone', async () => {
    const one = client();
    one.send('hello');
    await one.receives('hello');
    one.socket.destroy();
    await expect.poll(() => proxy.upstreamPorts).toEqual([]);
  });

  /** Bytes that go through a healthy wire to the same server, there and back. */
  async function carriedBeside(to: Echo): Promise<void> {
    const beside = await startTcpProxy(to.port);
    const one = new Client(beside.port);
    one.send('beside');
    await one.receives('beside');
    one.socket.destroy();
    await beside.close();
  }
});
