import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { FAULT_POINTS } from '../../src/workers/executeContext.js';
import { eventually, newHome, removeHome, Spark, Stop } from '../support/spark.js';
import { commandOfKey, effectsOn, eventTypes, expectChain, scriptOf, shaOf } from './support/history.js';

const KB_200 = 200 * 1024;

/** Starts with the fault, lets `act` bring the process to it, and starts again without: what a supervisor does after a crash. */
async function crashAndRestart(home: string, fault: string, act: (spark: Spark) => Promise<unknown>) {
  const doomed = await Spark.start({ home, env: { SPARK_FAULT_POINT: fault } });
  await act(doomed);
  expect(await doomed.exited, doomed.output).toEqual({ code: null, signal: 'SIGKILL' });
  await doomed.closeClients();
  return Spark.start({ home });
}

const generate = (spark: Spark, session: string, key: string, payload: object) =>
  spark.publish({ type: 'unity.generate_script', session }, payload, { 'Spark-Idempotency-Key': key });

describe('a process killed with SIGKILL at a named step of a command', () => {
  const home = newHome();
  let spark: Spark | undefined;

  afterEach(async () => {
    await spark?.stop();
    spark = undefined;
  });
  afterAll(() => removeHome(home));

  /** The command ended exactly once: one row, one beginning, one end. */
  const endedOnce = (running: Spark, session: string, key: string, name: string) =>
    eventually(
      async () => {
        const row = await commandOfKey(running, session, key);
        if (!['accepted', 'started', 'completed'].includes(row.state))
          throw new Stop(`${session} ${key} is ${row.state}: ${row.error_code}`);
        expect(row.state).toBe('completed');
        const events = await eventTypes(running, row.command_id);
        if (events.length > 2) throw new Stop(`${session} ${key} has the events ${events.join(' ')}`);
        expect(events).toEqual([`${name}.started`, `${name}.completed`]);
        return row;
      },
      { timeoutMs: 60_000 },
    );

  it.each(FAULT_POINTS)('%s: generate_script has one effect and one end after the restart', async (point) => {
    const name = `At_${point}`;
    const path = `Assets/Crash/${name}.cs`;
    const code = `class ${name} {}\r\n`;
    spark = await crashAndRestart(home, point, (doomed) =>
      generate(doomed, `crash-${point}`, 'one', { name, path, code }),
    );
    await endedOnce(spark, `crash-${point}`, 'one', 'generate_unity_script');
    expectChain(await effectsOn(spark, path), { from: null, to: shaOf(code) });
    expect(await effectsOn(spark, path)).toHaveLength(1);
    expect(spark.file(path)).toEqual(Buffer.from(code));
    // The same key again, after all that: the ledger knows it, nothing happens.
    await generate(spark, `crash-${point}`, 'one', { name, path, code });
    const next = { name: `Next_${point}`, path: `Assets/Crash/Next_${point}.cs`, code };
    await generate(spark, `crash-${point}`, 'two', next);
    await endedOnce(spark, `crash-${point}`, 'two', 'generate_unity_script');
    expect(await effectsOn(spark, path)).toHaveLength(1);
  });

  it('after_call of an undo: the file and its .meta are gone once, and the operation is undone', async () => {
    const path = 'Assets/Crash/Undone.cs';
    const code = 'class Undone {}';
    // The first call is the script's own; the second is the undo's.
    spark = await crashAndRestart(home, 'after_call:2', async (doomed) => {
      await generate(doomed, 'crash-undo', 'make', { name: 'Undone', path, code });
      await doomed.publish({ type: 'session.undo', session: 'crash-undo' }, {}, { 'Nats-Msg-Id': 'undo' });
    });
    await endedOnce(spark, 'crash-undo', 'make', 'generate_unity_script');
    await endedOnce(spark, 'crash-undo', 'undo', 'undo');
    const effects = await effectsOn(spark, path);
    expect(effects.map(({ beforeSha, afterSha }) => [beforeSha, afterSha])).toEqual([
      [null, shaOf(code)],
      [shaOf(code), null],
    ]);
    expect(spark.file(path)).toBeUndefined();
    expect(spark.file(`${path}.meta`)).toBeUndefined();
    const operations = await spark.sql("SELECT state FROM spark_operations WHERE session_id = 'crash-undo'");
    expect(operations).toEqual([{ state: 'undone' }]);
  });

  it.each([1, 2, 3])(
    'after_call of step %i of a 200 KB overwrite: it goes on from where it stood, no step twice',
    async (step) => {
      const session = `crash-large-${step}`;
      const path = `Assets/Crash/Large${step}.cs`;
      const [before, after] = [scriptOf(`Large${step}`, KB_200), scriptOf(`Other${step}`, KB_200)];
      const name = `Large${step}`;
      spark = await crashAndRestart(home, `after_call:${1 + step}`, async (doomed) => {
        await generate(doomed, session, 'make', { name, path, code: before });
        await generate(doomed, session, 'over', { name, path, code: after, overwrite: true });
      });
      await endedOnce(spark, session, 'over', 'generate_unity_script');
      const effects = await effectsOn(spark, path);
      const steps = effects.slice(1);
      expect(steps.length, 'it takes several steps').toBeGreaterThan(2);
      expectChain(effects, { from: null, to: shaOf(after) });
      expect(spark.file(path)).toEqual(Buffer.from(after));
      expect(new Set(steps.map((effect) => effect.commandId)).size).toBe(1);
    },
  );
});
