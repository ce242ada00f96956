import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../chaos/proxy/tcpProxy.js';
import { systemClock } from '../../src/core/clock.js';
import type { GateClient } from '../../src/gate/gateClient.js';
import type { GateServer, GateServerOptions } from '../../src/gate/gateServer.js';
import type { GateCall } from '../../src/workers/editor.js';
import { clientOf, serveGate } from '../support/openGate.js';
import { type Act, DONE, fakeGate } from './fakeGate.js';

const never = new AbortController().signal;
const STEP = { kind: 'create', tool: 'create_script', path: 'Assets/A.cs', contents: 'x', meta: null };
const ARGS = { n: 1 };

let folder: string;
let act: Act;
let calls = 0;
let cleanups: (() => Promise<unknown>)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spark-gate-client-'));
  act = async () => DONE;
  calls = 0;
});
afterEach(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup();
  cleanups = [];
  rmSync(folder, { recursive: true, force: true });
});

interface Bench {
  readonly gate: ReturnType<typeof fakeGate>;
  readonly server: GateServer;
}

/** A gate process over the fences of the last one: what is left of that is dropped as kill -9 drops it. */
async function startGate(over: Partial<GateServerOptions> = {}): Promise<Bench> {
  const gate = fakeGate(folder, (call, what) => act(call, what));
  const server = await serveGate(gate, { drainMs: 0, ...over });
  cleanups.push(() => server.stop());
  return { gate, server };
}

function newClient(port: number, silenceMs?: number): GateClient {
  const client = clientOf(`http://127.0.0.1:${port}`, silenceMs === undefined ? {} : { silenceMs });
  cleanups.push(() => client.stop());
  return client;
}

/** Ends every connection; those that follow lose their replies too. */
function cutStillLosing(proxy: TcpProxy): void {
  proxy.hurt({ kind: 'cut' });
  proxy.hurt({ kind: 'lose_reply' });
}

async function proxied(port: number): Promise<TcpProxy> {
  const proxy = await startTcpProxy(port);
  cleanups.push(() => proxy.close());
  return proxy;
}

function call(over: Partial<GateCall> = {}): GateCall {
  calls += 1;
  return { token: { epoch: 1, call: calls }, commandId: `c${calls}`, attempt: 1, signal: never, ...over };
}

describe('a client of the gate', () => {
  it('given nobody at the address, then everything is away and nothing was sent', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const client = newClient(port);
    expect(await client.run('a', STEP, call())).toMatchObject({ kind: 'away' });
    expect(await client.callTool('a', 't', ARGS, call())).toMatchObject({ kind: 'away' });
    expect(await client.readiness('a', never)).toMatchObject({ state: 'away' });
    expect(await client.drain('a', never)).toMatchObject({ state: 'away' });
    expect(await client.probe('a', 'Assets/A.cs', never)).toMatchObject({ state: 'away' });
    expect(await client.readFile('a', 'Assets/A.cs', 9, never)).toMatchObject({ state: 'away' });
    expect(await client.builds.status('a', null, never)).toMatchObject({ kind: 'silent' });
    expect(
      await client.revision('a', { width: 1, height: 1, format: 'png', mode: 'fast' }, never),
    ).toBeNull();
    await expect(client.survey(never)).rejects.toMatchObject({ code: 'gate_away' });
  });

  it('given an answer that is lost, then the outcome is unknown, a read is away, and the call ran once', async () => {
    const { gate, server } = await startGate();
    const proxy = await proxied(server.address().port);
    const client = newClient(proxy.port);
    const arrived = new Promise<void>((resolve) => {
      act = async () => {
        resolve();
        return DONE;
      };
    });
    proxy.hurt({ kind: 'lose_reply' });
    const lost = client.run('a', STEP, call());
    await arrived;
    cutStillLosing(proxy);
    expect(await lost).toMatchObject({ kind: 'unknown', mayStillRun: true });
    const look = client.readiness('a', never);
    setImmediate(() => cutStillLosing(proxy));
    expect(await look).toMatchObject({ state: 'away' });
    proxy.heal();
    expect(await client.run('a', STEP, call())).toEqual(DONE);
    expect(gate.begun).toEqual(['create_script c1', 'create_script c2']);
  });

  it.each([
    ['a look at the editor, then it never begins', true],
    ['nothing asked since, then it begins: the fence cannot know', false],
  ])('given a lost call that arrives late, and %s', async (_what, looked) => {
    const { gate, server } = await startGate();
    const wire = await startHoldingWire(server.address().port);
    cleanups.push(() => wire.close());
    const client = newClient(wire.port);
    const held = wire.hold();
    const lost = client.run('a', STEP, call());
    await held.arrived;
    held.cut();
    expect(await lost).toMatchObject({ kind: 'unknown', mayStillRun: true });
    if (looked) expect(await client.drain('a', never)).toEqual({ state: 'ready' });
    const answer = await held.deliver();
    expect(answer.includes('stale_fence_token')).toBe(looked);
    expect(gate.begun).toHaveLength(looked ? 0 : 1);
    expect(await client.run('a', STEP, call())).toEqual(DONE);
  });

  it('given a signal that fires, then the gate cuts its call off and the lane is free again', async () => {
    const { gate, server } = await startGate();
    const client = newClient(server.address().port);
    const stop = new AbortController();
    let cutOff: unknown;
    const running = new Promise<void>((begun) => {
      act = ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            cutOff = signal.reason;
            reject(signal.reason as Error);
          });
          begun();
        });
    });
    const cut = client.run('a', STEP, call({ signal: stop.signal }));
    const waiting = client.run('a', STEP, call({ signal: stop.signal }));
    await running;
    const ends = Promise.all([
      expect(cut).rejects.toThrow('stop now'),
      expect(waiting).rejects.toThrow('stop now'),
    ]);
    stop.abort(new Error('stop now'));
    await ends;
    act = async () => DONE;
    expect(await client.run('a', STEP, call())).toEqual(DONE);
    expect(cutOff).toMatchObject({ code: 'caller_gone' });
    expect(gate.begun).toEqual(['create_script c1', 'create_script c3']);
  });

  it('given a newer owner, then its call is refused as stale and nothing begins', async () => {
    const { gate, server } = await startGate();
    const owner = newClient(server.address().port);
    const zombie = newClient(server.address().port);
    await zombie.run('a', STEP, call());
    await owner.run('a', STEP, call({ token: { epoch: 2, call: 1 } }));
    await expect(zombie.run('a', STEP, call())).rejects.toMatchObject({
      code: 'stale_fence_token',
      spent: false,
    });
    await zombie.run('a', STEP, call({ token: { epoch: 1, call: 3, partition: 7 } }));
    expect(gate.begun).toHaveLength(3);
  });

  it('given a gate that was killed, then the same owner goes on above what was reserved, and its late calls stay out', async () => {
    const first = await startGate();
    const { port } = first.server.address();
    const client = newClient(port);
    const token = { epoch: 5, call: 1 };
    await client.run('a', STEP, call({ token }));
    await first.server.stop();
    const second = await startGate({ port });
    expect(await client.run('a', STEP, call({ token: { epoch: 5, call: 2 } }))).toEqual(DONE);
    expect(await client.run('a', STEP, call({ token: { epoch: 5, call: 3 } }))).toEqual(DONE);
    expect(second.gate.begun).toEqual(['create_script c2', 'create_script c3']);
    // What the first gate may have let through comes late, from nobody who waits for it.
    const late = newClient(second.server.address().port);
    await expect(late.run('a', STEP, call({ token }))).rejects.toMatchObject({ code: 'stale_fence_token' });
    await expect(late.run('a', STEP, call({ token: { epoch: 4, call: 9_999 } }))).rejects.toMatchObject({
      code: 'stale_fence_token',
    });
    expect(second.gate.begun).toHaveLength(2);
  });

  it('given a gate that stops, then what waits is told, and what comes is away', async () => {
    const { server } = await startGate();
    const client = newClient(server.address().port);
    const begun = new Promise<void>((resolve) => {
      act = ({ signal }) =>
        new Promise((_resolve, reject) => {
          resolve();
          signal.addEventListener('abort', () => reject(signal.reason as Error));
        });
    });
    const cut = client.run('a', STEP, call());
    await begun;
    await server.stop();
    expect(await cut).toMatchObject({ kind: 'unknown', mayStillRun: true });
    expect(await client.run('a', STEP, call())).toMatchObject({ kind: 'away' });
  });

  it('given a fence that cannot be stored, then the call is away: it was not let through', async () => {
    const { gate, server } = await startGate();
    const client = newClient(server.address().port);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'a file where the folder was');
    expect(await client.run('a', STEP, call())).toMatchObject({ kind: 'away' });
    expect(gate.begun).toEqual([]);
  });

  it('given a call that takes longer than any silence, then heartbeats keep it; given a gate that says nothing, then its outcome is unknown', async () => {
    const { server } = await startGate({ heartbeatMs: 100 });
    const client = newClient(server.address().port, 1_000);
    act = async () => {
      await systemClock.sleep(2_500);
      return DONE;
    };
    expect(await client.run('a', STEP, call())).toEqual(DONE);
    const wire = await startHoldingWire(server.address().port);
    cleanups.push(() => wire.close());
    const held = wire.hold();
    const lost = newClient(wire.port, 1_000).run('a', STEP, call());
    await held.arrived;
    expect(await lost).toMatchObject({ kind: 'unknown', mayStillRun: true });
  });

  it('given 48 MB of a file, then they arrive', async () => {
    const { server } = await startGate();
    const client = newClient(server.address().port);
    const bytes = 48 * 1024 * 1024;
    const read = await client.readFile('a', 'Uploads/long.wav', bytes, never);
    expect(read.state === 'present' && read.bytes.byteLength).toBe(bytes);
  });

  it('given a step larger than any, or one that cannot be carried, then it is refused and not sent', async () => {
    const { gate, server } = await startGate();
    const client = newClient(server.address().port);
    const huge = {
      ...STEP,
      kind: 'import_model',
      tool: 'import_model_file',
      bytes: Buffer.alloc(65 * 1024 * 1024),
    };
    expect(await client.run('a', huge, call())).toMatchObject({ kind: 'refused', code: 'too_large' });
    const odd = { n: Number.NaN };
    expect(await client.callTool('a', 't', odd, call())).toMatchObject({
      kind: 'refused',
      code: 'bad_message',
    });
    expect(gate.begun).toEqual([]);
  });

  it('given calls that begin at once, then they reach the gate in the order of their tokens', async () => {
    const { gate, server } = await startGate();
    const client = newClient(server.address().port);
    const all = Array.from({ length: 40 }, () => client.run('a', STEP, call()));
    expect(await Promise.all(all)).toEqual(Array(40).fill(DONE));
    expect(gate.begun).toHaveLength(40);
  });
});

interface HeldRequest {
  /** A request has come, and is kept. */
  readonly arrived: Promise<void>;
  /** Its sender loses the connection. */
  cut(): void;
  /** Sends it on after all; resolves with the answer, which its sender will never see. */
  deliver(): Promise<string>;
}

/** A wire that can keep one request back, as a network may, and bring it long after its sender has gone. */
async function startHoldingWire(target: number) {
  let holding: ((client: Socket) => void) | undefined;
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    if (holding) return holding(client);
    const upstream = connect(target, '127.0.0.1');
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    client.pipe(upstream).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
    hold: (): HeldRequest => {
      const chunks: Buffer[] = [];
      let sender: Socket | undefined;
      const arrived = new Promise<void>((resolve) => {
        holding = (client) => {
          holding = undefined;
          sender = client;
          client.on('data', (chunk: Buffer) => {
            chunks.push(chunk);
            resolve();
          });
        };
      });
      return {
        arrived,
        cut: () => sender?.destroy(),
        deliver: async () => {
          const late = connect(target, '127.0.0.1');
          late.write(Buffer.concat(chunks));
          const [answer] = (await once(late, 'data')) as [Buffer];
          late.destroy();
          return answer.toString('latin1');
        },
      };
    },
  };
}
