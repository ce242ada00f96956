import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { type RunningSimulator, startSimulator } from '../../src/embedded/simulator/start-simulator.js';
import { createEditorGate } from '../../src/unity/gate.js';
import type { GateCall, View } from '../../src/workers/editor.js';

const never = new AbortController().signal;
const view: View = { width: 64, height: 64, format: 'png', mode: 'fast' };

let folder: string;
let simulator: RunningSimulator;
let gate: ReturnType<typeof createEditorGate>;
let calls = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'spark-revision-'));
  simulator = await startSimulator({ stateDir: folder, fsync: false, editors: ['default'] });
  gate = createEditorGate({ serverUrl: simulator.url, clock: systemClock });
});
afterAll(async () => {
  await gate.stop();
  await simulator.stop();
  rmSync(folder, { recursive: true, force: true });
});

const call = (): GateCall => ({
  token: { epoch: 1, call: ++calls },
  commandId: 'c',
  attempt: 1,
  signal: never,
});
const revision = (scenePath?: string) => gate.revision('default', { ...view, scenePath }, never);
const control = (route: string, body: object) =>
  fetch(`${simulator.sim}/${route}`, { method: 'POST', body: JSON.stringify(body) });
/** Makes a script; `during` is looked at while the call is under way. */
async function make(name: string): Promise<string> {
  const after = { bytes: Buffer.from(`class ${name} {}\n`), meta: null };
  const plan = gate.plan({ path: `Assets/${name}.cs`, before: null, after });
  const [step] = plan.ok ? plan.steps : [];
  if (!step) throw new Error('no plan');
  return (await gate.run('default', step, call())).kind;
}

describe('the revision of an editor', () => {
  it('given a render, then it stays, from the first session on', async () => {
    const before = await revision();
    expect((await gate.render('default', view, call())).kind).toBe('done');
    expect(await revision()).toBe(before);
  });

  it('given a mutation, then it is another while it runs, and another again when it has ended', async () => {
    const before = await revision();
    await control('faults', { editor: 'default', tool: 'create_script', fault: 'latency', ms: 300 });
    const made = make('Slow');
    const seen = await expect
      .poll(async () => ((await revision()) === before ? undefined : await revision()), { interval: 10 })
      .toBeDefined()
      .then(() => revision());
    expect(await made).toBe('done');
    expect([before, seen]).not.toContain(await revision());
  });

  it('given a mutation that is refused or lost, then it moves all the same', async () => {
    const before = await revision();
    await control('faults', { editor: 'default', tool: 'create_script', fault: 'busy' });
    await make('Refused');
    expect(await revision()).not.toBe(before);
  });

  it('given a ghost that may still run, then nobody can say, until it is drained; then it is another', async () => {
    const before = await revision();
    await control('faults', { editor: 'default', tool: 'create_script', fault: 'ghost', ms: 300 });
    expect(await make('Ghost')).toBe('unknown');
    expect(await revision()).toBeNull();
    expect((await gate.drain('default', never)).state).toBe('ready');
    expect([before, null]).not.toContain(await revision());
  });

  it('given a domain reload, then it is another as soon as the new session is listed', async () => {
    await gate.readiness('default', never);
    const before = await revision();
    await control('reload', { editor: 'default', ms: 100 });
    await expect.poll(async () => (await gate.readiness('default', never)).state).toBe('ready');
    await expect.poll(async () => (await gate.readiness('default', never)) && revision()).not.toBe(before);
  });

  it('given an editor that is not there, then nobody can say', async () => {
    expect(await gate.revision('nobody', view, never)).toBeNull();
  });
});
