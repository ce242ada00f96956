import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { GENERATE, newScript } from './support/scripts.js';

const BIN = fileURLToPath(new URL('../../bin/spark.js', import.meta.url));

/** A whole SPARK of one home whose worker calls the editors through `spark gate` of the same home. */
describe('a worker whose gate is another process', () => {
  const home = newHome();
  const env: Record<string, string> = { SPARK_HOME: home };
  let spark: Spark;
  let gate: ChildProcess;
  let gateSaid = '';

  const startGate = (): void => {
    gate = spawn(process.execPath, [BIN, 'gate'], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [gate.stdout, gate.stderr])
      stream?.on('data', (chunk: Buffer) => {
        gateSaid += chunk.toString();
      });
  };
  /** As often as it has said so. */
  const gateRuns = (times: number) =>
    eventually(() => expect(gateSaid.match(/spark gate \S+ runs at/g)).toHaveLength(times), {
      timeoutMs: 60_000,
    });
  const killGate = (): Promise<void> =>
    new Promise((resolve) => {
      if (gate.exitCode !== null || gate.signalCode !== null) return resolve();
      gate.once('exit', () => resolve());
      gate.kill('SIGKILL');
    });

  beforeAll(async () => {
    const port = await freePort();
    Object.assign(env, { SPARK_GATE_URL: `http://127.0.0.1:${port}`, SPARK_GATE_PORT: String(port) });
    spark = Spark.launch({ home, env });
    // Its servers run, and its worker waits for the gate.
    await eventually(() => expect(spark.output).toContain('the gate cannot be asked yet'), {
      timeoutMs: 90_000,
    });
    startGate();
    await spark.ready();
  });
  afterAll(async () => {
    await spark.stop();
    await killGate();
    removeHome(home);
  });

  it('given a command, then the effect comes through the gate', async () => {
    await gateRuns(1);
    const payload = newScript('Through');
    const { path } = payload;
    const { status, body } = await spark.submitAndWait({ type: GENERATE, sessionId: 's', payload });
    expect([status, body['state']]).toEqual([200, 'completed']);
    expect((await spark.effects()).filter((effect) => effect.path === path)).toHaveLength(1);
    const metrics = await (await fetch(`${env['SPARK_GATE_URL']}/metrics`)).text();
    expect(metrics).toMatch(/spark_gate_requests_total\{operation="run",outcome="answered"\} [1-9]/);
  });

  it('given kill -9 of the gate in the middle of a call, then the command ends once, with one effect, and the next go on', async () => {
    await spark.sim('faults', { editor: 'default', tool: 'create_script', fault: 'hang', ms: 1_500 });
    const payload = newScript('Cut');
    const { path } = payload;
    const ended = spark.submitAndWait({ type: GENERATE, sessionId: 's', payload });
    await eventually(async () => {
      const { faults } = (await (await fetch(`${spark.endpoints.unitySimulator}/sim/faults`)).json()) as {
        faults: unknown[];
      };
      expect(faults).toEqual([]);
    });
    await killGate();
    startGate();
    await gateRuns(2);
    const { status, body } = await ended;
    expect([status, body['state']]).toEqual([200, 'completed']);
    expect((await spark.effects()).filter((effect) => effect.path === path)).toHaveLength(1);
    const next = newScript('After');
    expect((await spark.submitAndWait({ type: GENERATE, sessionId: 's', payload: next })).status).toBe(200);
    expect((await spark.effects()).filter((effect) => effect.path === next.path)).toHaveLength(1);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
