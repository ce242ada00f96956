import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../support/cli.js';
import { treeOf } from '../support/projectTree.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { eventTypes } from './support/history.js';
import { sessionSteps } from './support/sessionSteps.js';

const LEFT = 'left';
const textOf = (buffer: Buffer | undefined) => buffer?.toString();

describe('a session over two editors, rolled back', () => {
  const home = newHome();
  let spark: Spark;
  const { done, generate } = sessionSteps(() => spark);
  const addLeft = () => spark.sim('editors', { editor: LEFT });
  const project = (editor: string) => spark.project(editor);
  const trees = () => [treeOf(project('default')), treeOf(project(LEFT))];
  const rollback = (session: string, body: object, headers: Record<string, string> = { prefer: 'wait=60' }) =>
    spark.http(`/v1/sessions/${session}/rollback`, { body, headers });

  beforeAll(async () => {
    spark = await Spark.start({ home });
    await addLeft();
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  /** A on the default editor, B (in a new folder) on the left one, then A again. */
  async function aStory(session: string) {
    const name = session.replaceAll('-', '_');
    const left = { name: `L_${name}`, path: `Assets/${session}/L_${name}.cs`, code: 'class Left {}\n' };
    const first = await generate(session, name, 'class One {}\n');
    await done('unity.generate_script', session, left, LEFT);
    const third = await generate(session, name, 'class Two {}\n', true);
    return { path: `Assets/${name}.cs`, leftPath: left.path, first, third };
  }

  it('to an operation: what is newer is gone on both editors, with the folders it made; redo brings it back one by one', async () => {
    const session = 'roll-operation';
    const before = trees();
    const { path, leftPath, first } = await aStory(session);
    const full = trees();
    const operationId = String(first['operationId']);

    const dry = await rollback(session, { operationId, dryRun: true });
    expect(dry.body).toMatchObject({
      ok: true,
      operations: 2,
      filesTotal: 2,
      diff: expect.stringContaining('+class One {}'),
    });
    expect(trees()).toEqual(full);

    const answer = await rollback(session, { operationId }, { prefer: 'wait=60', 'idempotency-key': 'once' });
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ state: 'completed', result: { to: operationId, operations: 2 } });
    expect(textOf(spark.file(path))).toBe('class One {}\n');
    expect(trees()[1]).toEqual(before[1]);
    const again = await rollback(session, { operationId }, { 'idempotency-key': 'once' });
    expect(again.body).toMatchObject({ commandId: answer.body['commandId'], duplicate: true });

    await done('session.redo', session, {});
    expect(textOf(spark.file(leftPath, LEFT))).toBe('class Left {}\n');
    expect(textOf(spark.file(path))).toBe('class One {}\n');
    await done('session.redo', session, {});
    expect(trees()).toEqual(full);
    await eventually(async () =>
      expect(
        await spark.sql('SELECT state FROM spark_operations WHERE session_id = $1 ORDER BY seq', [session]),
      ).toEqual([{ state: 'applied' }, { state: 'applied' }, { state: 'applied' }]),
    );
  });

  it('to a moment, by the command line: dry run first, then for good', async () => {
    const session = 'roll-time';
    const before = trees();
    await aStory(session);
    const dry = await runCli(home, ['rollback', session, '--to', '2020-01-01T00:00:00Z', '--dry-run']);
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining('3 operations on 2 files')]);
    const ran = await runCli(home, ['rollback', session, '--to', '2020-01-01T00:00:00Z', '--wait', '--json']);
    expect(JSON.parse(ran.out)).toMatchObject({ state: 'completed', result: { operations: 3 } });
    expect(trees()).toEqual(before);
    const nothing = await rollback(session, { to: '2020-01-01T00:00:00Z' });
    expect(nothing.body).toMatchObject({ result: { operations: 0 } });
  });

  it('given a foreign edit on one of its files, is a conflict that names it, and no byte is changed', async () => {
    const session = 'roll-conflict';
    const { leftPath } = await aStory(session);
    writeFileSync(join(project(LEFT), leftPath), 'class Mine {}\n');
    const full = trees();
    const effects = (await spark.effects()).length;
    const answer = await rollback(session, { to: '2020-01-01T00:00:00Z' });
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({
      code: 'conflict',
      error: { path: leftPath, editor: LEFT, laterChange: { by: 'outside SPARK' } },
    });
    expect(trees()).toEqual(full);
    expect((await spark.effects()).length).toBe(effects);
    writeFileSync(join(project(LEFT), leftPath), 'class Left {}\n');
    expect((await rollback(session, { to: '2020-01-01T00:00:00Z' })).status).toBe(200);
  });

  it('given another session’s later change, names its session, command and actor', async () => {
    const session = 'roll-later';
    const { path } = await aStory(session);
    const theirs = await spark.http('/v1/commands', {
      body: {
        type: 'unity.generate_script',
        sessionId: 'somebody-else',
        actor: 'agent-9',
        payload: { name: 'roll_later', path, code: 'class Theirs {}\n', overwrite: true },
      },
      headers: { prefer: 'wait=60' },
    });
    expect((await rollback(session, { to: '2020-01-01T00:00:00Z' })).body).toMatchObject({
      code: 'conflict',
      error: {
        path,
        laterChange: { sessionId: 'somebody-else', commandId: theirs.body['commandId'], actor: 'agent-9' },
      },
    });
    expect(textOf(spark.file(path))).toBe('class Theirs {}\n');
  });

  it('a preset is applied and undone as one unit, by any of its operations; the project is what it was', async () => {
    const session = 'unit-preset';
    const before = trees();
    const ticks: Record<string, unknown>[] = [];
    const nc = await spark.nats();
    nc.subscribe(`spark.runtime.session.progress.${session}`, {
      callback: (_error, message) => {
        ticks.push(message.json());
      },
    });
    await nc.flush();
    const applied = await done('preset.apply', session, { presetId: 'platformer-2d' });
    const files = applied['files'] as { path: string }[];
    await eventually(() =>
      expect(ticks.at(-1)).toMatchObject({
        type: 'preset_apply.progress',
        filesDone: files.length,
        filesTotal: files.length,
      }),
    );
    expect(files.length).toBeGreaterThan(5);
    const rows = await eventually(async () => {
      const { body } = await spark.http(`/v1/operations?session=${session}&path=${files[0]?.path}`);
      expect(body['items']).toHaveLength(1);
      return body['items'] as { operationId: string; unitId: string }[];
    });
    expect(rows[0]?.unitId).toBe(applied['unitId']);
    const full = trees();
    const undone = await done('session.undo', session, { operationId: rows[0]?.operationId });
    expect(undone).toMatchObject({ operations: files.length });
    expect(trees()).toEqual(before);
    await done('session.redo', session, {});
    expect(trees()).toEqual(full);
    await done('session.undo', session, { operationId: applied['unitId'] });
    expect(trees()).toEqual(before);
  });

  it('killed between two files, is finished by the next start, each file once and with one end', async () => {
    const session = 'roll-crash';
    const before = trees();
    await aStory(session);
    await spark.stop();
    const doomed = await Spark.start({ home, env: { SPARK_FAULT_POINT: 'after_call' } });
    spark = doomed;
    await addLeft();
    const from = (await doomed.effects()).length;
    await doomed.publish(
      { type: 'session.rollback', session },
      { to: '2020-01-01T00:00:00Z' },
      { 'Spark-Idempotency-Key': 'crash' },
    );
    expect(await doomed.exited, doomed.output).toEqual({ code: null, signal: 'SIGKILL' });
    await doomed.closeClients();
    spark = await Spark.start({ home });
    await addLeft();
    const row = await eventually(
      async () => {
        const [found] = await spark.sql(
          "SELECT command_id, state FROM spark_commands WHERE session_id = $1 AND idempotency_key = 'crash'",
          [session],
        );
        expect(found?.['state']).toBe('completed');
        return found;
      },
      { timeoutMs: 60_000 },
    );
    expect(await eventTypes(spark, row?.['command_id'])).toEqual(['rollback.started', 'rollback.completed']);
    expect(trees()).toEqual(before);
    const own = (await spark.effects()).slice(from).filter(({ path }) => path.includes('roll'));
    expect(own.map(({ path }) => path).toSorted()).toEqual(
      [...new Set(own.map(({ path }) => path))].toSorted(),
    );
  });

  it('exported here and imported into another home, it can be undone there', async () => {
    const session = 'travel';
    const { path, leftPath } = await aStory(session);
    const file = join(home, '..', 'travel.json');
    await eventually(async () => {
      const ran = await runCli(home, ['history', session, '--export', file, '--json']);
      expect(JSON.parse(ran.out)).toMatchObject({ operations: 3, cut: null });
    });
    const otherHome = newHome();
    const other = await Spark.start({ home: otherHome });
    try {
      const imported = await runCli(otherHome, ['import', 'here', file, '--wait', '--json']);
      expect(JSON.parse(imported.out), imported.err).toMatchObject({
        state: 'completed',
        result: { operations: 3 },
      });
      const there = other.endpoints.unityProjects['default'] ?? '';
      writeFileSync(join(there, path), 'class Two {}\n');
      const undone = await other.submitAndWait({ type: 'session.undo', sessionId: 'here', payload: {} });
      expect(undone.body, JSON.stringify(undone.body)).toMatchObject({ state: 'completed' });
      expect(textOf(other.file(path))).toBe('class One {}\n');
      const listed = await runCli(otherHome, ['history', 'here', '--path', `Assets/${session}/*`, '--json']);
      expect(JSON.parse(listed.out)).toMatchObject({ items: [{ path: leftPath, editor: LEFT }] });
      const again = await runCli(otherHome, ['import', 'here', file, '--wait', '--json']);
      expect(again.code).toBe(5);
    } finally {
      await other.stop();
      removeHome(otherHome);
      rmSync(file, { force: true });
    }
  });
});
