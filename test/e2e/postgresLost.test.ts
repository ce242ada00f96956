import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { effectsOn } from './support/history.js';
import { freeze } from './support/processes.js';

const TYPE = 'unity.generate_script';
const SESSION = 'lost';
const script = (name: string, code = `class ${name} {}`) => ({ name, path: `Assets/${name}.cs`, code });

describe('Postgres lost for good', () => {
  const home = newHome();
  let spark: Spark;
  let thaw: (() => void)[] = [];

  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    for (const wake of thaw) wake();
    await spark.stop();
    removeHome(home);
  });

  const send = (idempotencyKey: string, payload: object) =>
    spark.submitAndWait({ type: TYPE, sessionId: SESSION, payload, idempotencyKey });

  /** The folder a server was started on, by its own command line. */
  function dataFolderOf(pid: number): string {
    const args = execFileSync('ps', ['-ww', '-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });
    const folder = /\s-D\s*(\S+)/.exec(args)?.[1] ?? '';
    expect(existsSync(join(folder, 'PG_VERSION')), `the data folder in: ${args}`).toBe(true);
    return folder;
  }

  /** What a client hears of the end, as a success or as a problem. */
  const toldOf = ({ commandId, state, result, code, detail, errors }: Record<string, unknown>) => ({
    commandId,
    ...{ state, result, code, detail, errors },
  });

  it('given both clusters deleted and everything started anew, a repeat answers the stored outcome, another payload is refused, and nothing runs again', async () => {
    const done = await send('done', script('Done'));
    expect(done.body).toMatchObject({ state: 'completed', duplicate: false });
    const failed = await send('failed', script('Done', 'class Other {}'));
    expect(failed.body).toMatchObject({ code: 'conflict' });
    const effects = await spark.effects();

    const { pids } = spark.readEndpoints();
    const folders = [dataFolderOf(pids.postgres), dataFolderOf(pids.replica)];
    await spark.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10 });

    spark = await Spark.start({ home });
    const fresh = spark.readEndpoints().pids;
    // Nothing of Postgres can have a say in what follows.
    thaw = [freeze(fresh.postgres), freeze(fresh.replica)];
    for (const [key, payload] of [
      ['done', script('Done', 'class Else {}')],
      ['failed', script('Done', 'class Else {}')],
    ] as const) {
      const refused = await spark.http('/v1/commands', {
        body: { type: TYPE, sessionId: SESSION, payload, idempotencyKey: key },
      });
      expect([refused.status, refused.body['code']]).toEqual([422, 'idempotency_mismatch']);
    }
    const repeat = await spark.http('/v1/commands', {
      body: { type: TYPE, sessionId: SESSION, payload: script('Done'), idempotencyKey: 'done' },
    });
    expect(repeat.body).toMatchObject({
      commandId: done.body['commandId'],
      duplicate: true,
      status: 'completed',
    });
    for (const wake of thaw.splice(0)) wake();

    // The read models are folded from the log again: the outcome is the one that was stored, word for word.
    await eventually(async () => {
      for (const [key, first, payload] of [
        ['done', done, script('Done')],
        ['failed', failed, script('Done', 'class Other {}')],
      ] as const) {
        const again = await send(key, payload);
        expect([again.status, toldOf(again.body)]).toEqual([first.status, toldOf(first.body)]);
      }
    });
    expect(await spark.effects()).toEqual(effects);
    expect(await effectsOn(spark, 'Assets/Done.cs')).toHaveLength(1);
    // What was refused is known by its own id; the first of the key has one row as before.
    expect(
      await spark.sql('SELECT state FROM spark_commands WHERE session_id = $1 AND idempotency_key = $2', [
        SESSION,
        'done',
      ]),
    ).toEqual([{ state: 'completed' }]);
  });
});
