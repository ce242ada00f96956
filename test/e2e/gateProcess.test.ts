import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registeredEntry } from '../../src/commands/editorEntry.js';
import { systemClock } from '../../src/core/clock.js';
import { sha256 } from '../../src/core/ids.js';
import { type RunningSimulator, startSimulator } from '../../src/embedded/simulator/start-simulator.js';
import { decodeMessage, encodeMessage } from '../../src/gate/codec.js';
import { GateClient } from '../../src/gate/gateClient.js';
import { askGateIdentity } from '../../src/gate/gateIdentity.js';
import { connectRole } from '../../src/streams/connection.js';
import { EditorRegistry } from '../../src/streams/editorRegistry.js';
import { provision } from '../../src/streams/provision.js';
import { planChange } from '../../src/unity/plan.js';
import type { ChangeStep, GateCall } from '../../src/workers/editor.js';
import { TEST_TOPOLOGY } from '../support/freshStreams.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';
import { type Effect, eventually } from '../support/spark.js';

const BIN = fileURLToPath(new URL('../../bin/spark.js', import.meta.url));
const TOKEN = 'the-token-of-this-gate-0123456789';
const never = new AbortController().signal;

let folder: string;
let home: string;
let nats: OwnNats;
let simulator: RunningSimulator;
let instances: Map<string, string>;
let gate: GateProcess;
const clients: GateClient[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spark-gate-process-'));
  home = join(folder, 'home');
  nats = await startOwnNats();
  simulator = await startSimulator({
    stateDir: join(folder, 'unity'),
    fsync: false,
    editors: ['default', 'shop'],
  });
  const { editors } = (await sim('editors')) as { editors: { editor: string; instance: string }[] };
  instances = new Map(editors.map(({ editor, instance }) => [editor, instance]));
  gate = new GateProcess();
});
afterAll(async () => {
  await Promise.all(clients.map((client) => client.stop()));
  await gate.kill('SIGKILL');
  await simulator.stop();
  await nats.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** `spark gate` as an operator starts it, beside the simulator, with no more than its own NATS user. */
class GateProcess {
  output = '';
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;

  constructor(env: Record<string, string> = {}) {
    const { user, password } = nats.credentials('gate');
    this.#child = spawn(process.execPath, [BIN, 'gate'], {
      env: {
        PATH: process.env['PATH'],
        SPARK_HOME: home,
        SPARK_GATE_TOKEN: TOKEN,
        SPARK_GATE_PORT: '0',
        NATS_URL: nats.url,
        NATS_USER: user,
        NATS_PASSWORD: password,
        UNITY_MCP_URL: simulator.url,
        UNITY_EDITORS: `default=${instances.get('default')}:${simulator.projects['default']}`,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    this.exited = new Promise((resolve) => this.#child.once('exit', (code) => resolve(code)));
  }

  /** Where it says that it runs. */
  url(): Promise<string> {
    return eventually(() => {
      const url = /runs at (http:\S+);/.exec(this.output)?.[1];
      if (!url) throw new Error(`the gate does not run:\n${this.output}`);
      return url;
    });
  }

  kill(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal);
    return this.exited;
  }
}

async function clientAt(url: string): Promise<GateClient> {
  const place = { url, token: TOKEN, clock: systemClock };
  const client = new GateClient({ ...place, identity: await askGateIdentity(place, () => undefined, never) });
  clients.push(client);
  return client;
}

async function sim(route: string, body?: object): Promise<unknown> {
  const post = { method: 'POST', body: JSON.stringify(body) };
  return (await fetch(`${simulator.sim}/${route}`, body ? post : {})).json();
}

const effectsOn = async (path: string): Promise<Effect[]> =>
  ((await sim('effects?after=0')) as { effects: Effect[] }).effects.filter((effect) => effect.path === path);

function stepOf(name: string): ChangeStep {
  const after = { bytes: Buffer.from(`class ${name} {}`), meta: null };
  const plan = planChange({ path: `Assets/${name}.cs`, before: null, after });
  const step = plan.ok ? plan.steps[0] : undefined;
  if (!step) throw new Error('no step');
  return step;
}

/** A call that makes a script, as a worker would. */
function make(client: GateClient, editor: string, name: string, token: GateCall['token']) {
  return client.run(editor, stepOf(name), { token, commandId: name, attempt: 1, signal: never });
}

/** The bytes of such a call, as the network may bring them long after its sender has gone; what the gate says to it. */
async function comesLate(url: string, name: string, token: GateCall['token']): Promise<unknown> {
  const { id } = (await (
    await fetch(`${url}/v1/gate/identity`, { headers: { authorization: `Bearer ${TOKEN}` } })
  ).json()) as { id: string };
  const call = { token, commandId: name, attempt: 1 };
  const response = await fetch(`${url}/v1/gate/run`, {
    method: 'POST',
    headers: { authorization: `Bearer ${TOKEN}`, 'spark-gate-id': id },
    body: new Uint8Array(encodeMessage({ editor: 'default', step: stepOf(name), call })),
  });
  const frame = Buffer.from(await response.arrayBuffer());
  return decodeMessage(frame.subarray(frame.findIndex((byte) => byte !== 0) + 1));
}

describe('spark gate, a process of its own', () => {
  let port: string;
  let owner: GateClient;

  it('given SIGTERM while it still waits for the registry, then it ends with 0', async () => {
    const early = new GateProcess({ SPARK_HOME: join(folder, 'early') });
    await eventually(() => expect(early.output).toContain('the editors registry cannot be read yet'));
    expect(await early.kill('SIGTERM')).toBe(0);
  });

  it('given no registry yet, then it is alive and not ready; when it can be read, it serves', async () => {
    await eventually(() => expect(gate.output).toContain('the editors registry cannot be read yet'));
    const admin = await connectRole('admin', nats.url, nats.credentials('admin'));
    await provision(admin, TEST_TOPOLOGY);
    await admin.close();
    const nc = await connectRole('ingest', nats.url, nats.credentials('ingest'));
    const registry = new EditorRegistry(nc, systemClock);
    await registry.start();
    const shop = {
      editor: 'shop',
      instance: instances.get('shop'),
      projectFolder: simulator.projects['shop'],
    };
    await registry.change('shop', (before) => registeredEntry(before, shop, new Date().toISOString()));
    await nc.close();
    await registry.stop();
    const url = await gate.url();
    port = new URL(url).port;
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'ok' });
    owner = await clientAt(url);
    expect(await make(owner, 'default', 'First', { epoch: 1, call: 1 })).toMatchObject({ kind: 'done' });
    expect(await make(owner, 'shop', 'First', { epoch: 1, call: 2 })).toMatchObject({ kind: 'done' });
    for (const editor of ['default', 'shop'])
      expect(existsSync(join(simulator.projects[editor] ?? '', 'Assets/First.cs.meta'))).toBe(true);
    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
      /spark_editor_calls_total\{.*answer="done".*\} 2/,
    );
  });

  it('given a second gate over the same fences, then it is refused and the first goes on', async () => {
    const second = new GateProcess();
    expect(await second.exited).toBe(5);
    expect(second.output).toContain('in use by process');
    expect(await owner.readiness('default', never)).toEqual({ state: 'ready' });
  });

  it('given kill -9 in the middle of a call, then the next gate refuses every token it had seen, and there is one effect', async () => {
    await sim('faults', { editor: 'default', tool: 'create_script', fault: 'hang', ms: 1_500 });
    const cut = make(owner, 'default', 'Second', { epoch: 1, call: 3 });
    await eventually(async () => {
      expect((await sim('faults')) as object).toEqual({ faults: [] });
    });
    await gate.kill('SIGKILL');
    expect(await cut).toMatchObject({ kind: 'unknown', mayStillRun: true });
    expect(await owner.run('default', { path: 'Assets/X.cs', tool: 'x' }, callOf(4))).toMatchObject({
      kind: 'away',
    });

    gate = new GateProcess({ SPARK_GATE_PORT: port });
    const url = await gate.url();
    // What the killed gate may have let through comes late, from nobody who waits for it.
    for (const call of [1, 3])
      expect(await comesLate(url, 'Second', { epoch: 1, call })).toMatchObject({
        code: 'stale_fence_token',
        spent: true,
      });
    expect(await comesLate(url, 'Second', { epoch: 0, call: 9_999 })).toMatchObject({ spent: false });
    // The owner waits for the ghost, looks, and goes on: the same gate to it, by its id.
    expect(await owner.drain('default', never)).toEqual({ state: 'ready' });
    expect(await owner.probe('default', 'Assets/Second.cs', never)).toMatchObject({
      state: 'present',
      sha256: sha256('class Second {}'),
    });
    expect(await make(owner, 'default', 'Second', { epoch: 1, call: 5 })).toEqual({ kind: 'exists' });
    expect(await make(owner, 'default', 'Third', { epoch: 1, call: 6 })).toMatchObject({ kind: 'done' });
    expect(await effectsOn('Assets/Second.cs')).toHaveLength(1);
    expect(await effectsOn('Assets/Third.cs')).toHaveLength(1);
  });

  it('given a newer owner, then the one before it is refused, also after one more kill -9', async () => {
    const newer = await clientAt(await gate.url());
    expect(await make(newer, 'default', 'Fourth', { epoch: 2, call: 1 })).toMatchObject({ kind: 'done' });
    await expect(make(owner, 'default', 'Fifth', { epoch: 1, call: 7 })).rejects.toMatchObject({
      spent: false,
    });
    await gate.kill('SIGKILL');
    gate = new GateProcess({ SPARK_GATE_PORT: port });
    await gate.url();
    await expect(make(owner, 'default', 'Fifth', { epoch: 1, call: 8 })).rejects.toMatchObject({
      spent: false,
    });
    expect(await make(newer, 'default', 'Sixth', { epoch: 2, call: 2 })).toMatchObject({ kind: 'done' });
    expect(await effectsOn('Assets/Fifth.cs')).toEqual([]);
  });

  it('given SIGTERM, then it drains, gives back what it had reserved, and ends with 0', async () => {
    expect(await gate.kill('SIGTERM')).toBe(0);
    const fence = JSON.parse(readFileSync(join(home, 'fences/default.fence.json'), 'utf8')) as {
      call: number;
    };
    expect(fence.call).toBeLessThan(1_024 * 2 + 10);
  });

  it('given another home, then it is another gate, and a worker of the first counts it as away', async () => {
    gate = new GateProcess({ SPARK_GATE_PORT: port, SPARK_HOME: join(folder, 'other') });
    await gate.url();
    expect(await make(owner, 'default', 'Seventh', { epoch: 3, call: 1 })).toMatchObject({
      kind: 'away',
      reason: expect.stringContaining('knows other tokens'),
    });
    expect(await effectsOn('Assets/Seventh.cs')).toEqual([]);
  });
});

const callOf = (call: number): GateCall => ({
  token: { epoch: 1, call },
  commandId: `c${call}`,
  attempt: 1,
  signal: never,
});
