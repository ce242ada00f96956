import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { commandOfKey, eventTypes } from './support/history.js';
import { sessionSteps } from './support/sessionSteps.js';

describe('a rollback over a script that was deleted and made anew', () => {
  const home = newHome();
  let spark: Spark;
  const { done, generate, undo } = sessionSteps(() => spark);
  const textOf = (path: string) => spark.file(path)?.toString();
  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  /** The two operations fall together into one, whose file is there all the time. */
  it.each([
    ['rollback', 'class B {}\n'],
    ['rollback', 'class A {}\n'],
    ['undo', 'class B {}\n'],
    ['undo', 'class A {}\n'],
  ])('given %s of one made anew as %j, then bytes and .meta are what they were', async (way, anew) => {
    const name = `Base_${way}_${anew.includes('A') ? 'same' : 'other'}`;
    const path = `Assets/${name}.cs`;
    await generate(`before-${name}`, name, 'class A {}\n');
    const meta = textOf(`${path}.meta`);
    const other = await generate(name, `Stays_${name}`, 'class O {}\n');
    await done('unity.delete_script', name, { path });
    await generate(name, name, anew);
    const metaAnew = textOf(`${path}.meta`);
    expect(metaAnew).not.toBe(meta);
    if (way === 'rollback') await done('session.rollback', name, { to: other['operationId'] });
    else for (let undos = 0; undos < 2; undos++) await undo(name);
    expect([textOf(path), textOf(`${path}.meta`)]).toEqual(['class A {}\n', meta]);
    for (let redos = 0; redos < 2; redos++) await done('session.redo', name, {});
    expect([textOf(path), textOf(`${path}.meta`)]).toEqual([anew, metaAnew]);
  });

  /** The bytes go first, through Unity, and then the .meta beside it. */
  it.each(['after_intent', 'after_call:1', 'after_call:2'])(
    'given kill -9 %s, then the next start ends it with bytes and .meta as they were',
    async (fault) => {
      const name = `Killed_${fault.replace(':', '_')}`;
      const path = `Assets/${name}.cs`;
      await generate(`before-${name}`, name, 'class A {}\n');
      const meta = textOf(`${path}.meta`);
      await done('unity.delete_script', name, { path });
      await generate(name, name, 'class B {}\n');
      await spark.stop();
      const doomed = await Spark.start({ home, env: { SPARK_FAULT_POINT: fault } });
      spark = doomed;
      const effectsBefore = (await doomed.effects()).length;
      await doomed.publish(
        { type: 'session.rollback', session: name },
        { to: '2020-01-01T00:00:00Z' },
        { 'Spark-Idempotency-Key': 'crash' },
      );
      expect(await doomed.exited, doomed.output).toEqual({ code: null, signal: 'SIGKILL' });
      await doomed.closeClients();
      spark = await Spark.start({ home });
      const row = await eventually(
        async () => {
          const found = await commandOfKey(spark, name, 'crash');
          expect(found.state).toBe('completed');
          return found;
        },
        { timeoutMs: 60_000 },
      );
      expect(await eventTypes(spark, row.command_id)).toEqual(['rollback.started', 'rollback.completed']);
      expect([textOf(path), textOf(`${path}.meta`)]).toEqual(['class A {}\n', meta]);
      const own = (await spark.effects()).slice(effectsBefore).filter((effect) => effect.path === path);
      expect(own).toHaveLength(1);
    },
  );
});
