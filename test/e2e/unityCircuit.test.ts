import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningSimulator, startSimulator } from '../../src/embedded/simulator/start-simulator.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const NAMES = ['One', 'Two', 'Three', 'Four', 'Five'];

/** The highest reading of `spark_circuit_state` for Unity's endpoints. */
async function circuitOf(spark: Spark): Promise<number> {
  const { body } = await spark.http('/metrics');
  const levels = [...String(body).matchAll(/^spark_circuit_state\{endpoint="unity[^"]*"\} (\d)$/gm)];
  expect(levels).not.toEqual([]);
  return Math.max(...levels.map(([, level]) => Number(level)));
}

describe('the circuit in front of Unity MCP', () => {
  const home = newHome();
  // The embedded simulator is started again at once; this one stays away until the test brings it back.
  const folder = mkdtempSync(join(tmpdir(), 'spark-e2e-circuit-'));
  let editor: RunningSimulator;
  let spark: Spark;

  beforeAll(async () => {
    editor = await startSimulator({ stateDir: folder, fsync: false, editors: ['default'] });
    spark = await Spark.start({ home, env: { UNITY_MCP_URL: editor.url } });
  });
  afterAll(async () => {
    await spark.stop();
    await editor.stop();
    rmSync(folder, { recursive: true, force: true });
    removeHome(home);
  });

  it('given Unity MCP away, it opens, tells so and spends no attempt; when it is back, everything completes in order', async () => {
    const { port } = editor;
    expect(await circuitOf(spark)).toBe(0);
    await editor.stop();
    for (const name of NAMES)
      await spark.publish(
        { type: 'unity.generate_script', session: 'circuit' },
        { name, path: `Assets/Circuit/${name}.cs`, code: `class ${name} {}` },
        { 'Spark-Idempotency-Key': name },
      );
    await eventually(async () => expect(await circuitOf(spark)).toBeGreaterThan(0));
    const ready = await eventually(async () => {
      const answer = await spark.http('/readyz');
      expect(JSON.stringify(answer.body)).toMatch(/degraded: unity is (open|half open); its commands wait/);
      return answer;
    });
    expect(ready.status).toBe(200);
    const rows = () =>
      spark.sql(
        "SELECT idempotency_key, state, attempts FROM spark_commands WHERE session_id = 'circuit' ORDER BY finished_at, accepted_at",
      );
    expect((await rows()).filter(({ state }) => state !== 'accepted' && state !== 'started')).toEqual([]);

    editor = await startSimulator({ stateDir: folder, fsync: false, editors: ['default'], port });
    await eventually(
      async () =>
        expect(await rows()).toEqual(
          NAMES.map((name) => ({ idempotency_key: name, state: 'completed', attempts: 1 })),
        ),
      { timeoutMs: 60_000 },
    );
    await eventually(async () => expect(await circuitOf(spark)).toBe(0));
    const answer = await fetch(`${editor.sim}/effects?after=0`);
    const { effects } = (await answer.json()) as { effects: { path: string }[] };
    expect(effects.map(({ path }) => path)).toEqual(NAMES.map((name) => `Assets/Circuit/${name}.cs`));
  });
});
