import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { treeOf } from '../support/projectTree.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { shaOf as sha } from './support/history.js';
import { edit } from './support/scripts.js';
import { sessionSteps } from './support/sessionSteps.js';

describe('what undo and redo take back, and what they leave alone', () => {
  const home = newHome();
  let spark: Spark;
  let project: string;
  const { done, generate, undo, redo } = sessionSteps(() => spark);
  const metaOf = (path: string) => spark.file(`${path}.meta`);

  beforeAll(async () => {
    spark = await Spark.start({ home });
    project = spark.endpoints.unityProjects['default'] ?? '';
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  /** What the standby says of a session, once it says so. */
  const onStandby = (query: string, session: string, rows: object[]) =>
    eventually(async () => expect(await spark.sql(query, [session])).toEqual(rows));

  it('given a foreign edit after the operation, undo is a conflict that names it and changes nothing; back as it was, undo works', async () => {
    const session = 'foreign-edit';
    const path = 'Assets/Edited.cs';
    const { operationId } = await generate(session, 'Edited', 'class Edited {}\n');
    writeFileSync(join(project, path), 'class Edited { /* mine */ }\n');
    const effects = (await spark.effects()).length;
    const tree = treeOf(project);

    const answer = await spark.http(`/v1/sessions/${session}/undo`, {
      body: {},
      headers: { prefer: 'wait=60' },
    });
    expect(answer.status).toBe(409);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({
      code: 'conflict',
      error: {
        path,
        operationId,
        expectedSha256: sha('class Edited {}\n'),
        currentSha256: sha('class Edited { /* mine */ }\n'),
      },
    });
    expect(treeOf(project)).toEqual(tree);
    expect((await spark.effects()).length).toBe(effects);
    const commandId = String(answer.body['commandId']);
    expect((await spark.command(commandId))['state']).toBe('conflict');
    expect(
      await spark.sql('SELECT state FROM spark_operations WHERE operation_id = $1', [operationId]),
    ).toEqual([{ state: 'conflict' }]);

    const dry = await spark.http(`/v1/sessions/${session}/undo`, { body: { dryRun: true } });
    expect(dry.status).toBe(409);

    writeFileSync(join(project, path), 'class Edited {}\n');
    await undo(session);
    expect(spark.file(path)).toBeUndefined();
  });

  it('given a patch for a version that is no longer there, it is a conflict that names both, and no byte is changed', async () => {
    const session = 'stale-patch';
    const path = 'Assets/Stale.cs';
    const [old, now] = ['class Stale {}\n', 'class Stale { int now; }\n'];
    await generate(session, 'Stale', old);
    await generate(session, 'Stale', now, true);
    const tree = treeOf(project);
    const effects = (await spark.effects()).length;
    const answer = await spark.submitAndWait({
      type: 'unity.apply_patch',
      sessionId: session,
      payload: { path, edits: [{ ...edit, newText: '// mine\n' }], expectedSha256: sha(old) },
    });
    expect(answer.status).toBe(409);
    expect(answer.body).toMatchObject({
      code: 'conflict',
      error: { path, expectedSha256: sha(old), currentSha256: sha(now) },
    });
    const commandId = String(answer.body['commandId']);
    const row = await spark.command(commandId);
    expect(row).toMatchObject({ state: 'conflict', error_code: 'stale_file' });
    expect(treeOf(project)).toEqual(tree);
    expect((await spark.effects()).length).toBe(effects);
    await done('unity.apply_patch', session, {
      path,
      edits: [{ ...edit, newText: '// mine\n' }],
      expectedSha256: sha(now),
    });
    expect(spark.file(path)?.toString()).toBe(`// mine\n${now}`);
  });

  it('given a foreign file where a delete was undone or a create redone, that is a conflict and the file stays', async () => {
    const session = 'foreign-create';
    const path = 'Assets/Taken.cs';
    await generate(session, 'Taken', 'class Taken {}\n');
    await undo(session);
    writeFileSync(join(project, path), 'somebody was here');
    const answer = await spark.submitAndWait({ type: 'session.redo', sessionId: session, payload: {} });
    expect(answer.status).toBe(409);
    expect(spark.file(path)?.toString()).toBe('somebody was here');
    rmSync(join(project, path));
    rmSync(join(project, `${path}.meta`), { force: true });
    await redo(session);
    expect(spark.file(path)?.toString()).toBe('class Taken {}\n');
  });

  it('given changed import settings, undo of the create is a conflict: a .meta is somebody’s work too', async () => {
    const session = 'meta-edit';
    const path = 'Assets/Meta.cs';
    await generate(session, 'Meta', 'class Meta {}\n');
    const changed = `${metaOf(path)?.toString() ?? ''}  userData: mine\n`;
    writeFileSync(join(project, `${path}.meta`), changed);
    const answer = await spark.submitAndWait({ type: 'session.undo', sessionId: session, payload: {} });
    expect(answer.status).toBe(409);
    expect(spark.file(path)?.toString()).toBe('class Meta {}\n');
    expect(metaOf(path)?.toString()).toBe(changed);
  });

  it('given a named operation, exactly that one is undone and redone, whatever came after it', async () => {
    const session = 'named';
    const first = await generate(session, 'NamedA', 'class NamedA {}\n');
    const second = await generate(session, 'NamedB', 'class NamedB {}\n');
    await undo(session, String(first['operationId']));
    expect(spark.file('Assets/NamedA.cs')).toBeUndefined();
    expect(spark.file('Assets/NamedB.cs')?.toString()).toBe('class NamedB {}\n');
    await onStandby(
      'SELECT operation_id, state FROM spark_operations WHERE session_id = $1 ORDER BY seq',
      session,
      [
        { operation_id: first['operationId'], state: 'undone' },
        { operation_id: second['operationId'], state: 'applied' },
      ],
    );
    await redo(session, String(first['operationId']));
    expect(spark.file('Assets/NamedA.cs')?.toString()).toBe('class NamedA {}\n');

    const twice = await spark.submitAndWait({
      type: 'session.redo',
      sessionId: session,
      payload: { operationId: first['operationId'] },
    });
    expect(twice.body).toMatchObject({ state: 'failed', error: { code: 'not_undone' } });
    const strange = await spark.http(`/v1/sessions/somebody-else/undo`, {
      body: { operationId: first['operationId'] },
      headers: { prefer: 'wait=60' },
    });
    expect(strange.status).toBe(422);
    expect(strange.body).toMatchObject({ code: 'unknown_operation' });
  });

  it('given a new operation after an undo, redo has nothing to do', async () => {
    const session = 'cleared';
    await generate(session, 'Cleared', 'class Cleared {}\n');
    await undo(session);
    await generate(session, 'Cleared', 'class Cleared { int b; }\n');
    const answer = await spark.submitAndWait({ type: 'session.redo', sessionId: session, payload: {} });
    expect(answer.body).toMatchObject({ state: 'failed', error: { code: 'nothing_to_redo' } });
  });

  it('given a session over two editors, each undo happens in the editor where the operation was', async () => {
    const session = 'two-editors';
    const second = String((await spark.sim('editors', { editor: 'second' }))['project']);
    const inSecond = (path: string) => {
      try {
        return readFileSync(join(second, path)).toString();
      } catch {
        return undefined;
      }
    };
    const path = 'Assets/Both.cs';
    const write = (editor: string, code: string) =>
      done('unity.generate_script', session, { name: 'Both', path, code, overwrite: true }, editor);
    const trees = [treeOf(project), treeOf(second)];
    await write('default', 'class Both { int one; }\n');
    await write('second', 'class Both { int two; }\n');
    await write('default', 'class Both { int three; }\n');
    await write('second', 'class Both { int four; }\n');

    expect(await undo(session)).toMatchObject({ editor: 'second' });
    expect(inSecond(path)).toBe('class Both { int two; }\n');
    expect(spark.file(path)?.toString()).toBe('class Both { int three; }\n');
    expect(await undo(session)).toMatchObject({ editor: 'default' });
    expect(spark.file(path)?.toString()).toBe('class Both { int one; }\n');
    expect(inSecond(path)).toBe('class Both { int two; }\n');
    expect(await redo(session)).toMatchObject({ editor: 'default' });
    expect(await redo(session)).toMatchObject({ editor: 'second' });
    expect(inSecond(path)).toBe('class Both { int four; }\n');
    for (let left = 4; left > 0; left--) await undo(session);
    expect([treeOf(project), treeOf(second)]).toEqual(trees);
    await onStandby(
      'SELECT editor, state, count(*)::int AS n FROM spark_operations WHERE session_id = $1 GROUP BY 1, 2 ORDER BY 1',
      session,
      [
        { editor: 'default', state: 'undone', n: 2 },
        { editor: 'second', state: 'undone', n: 2 },
      ],
    );
  });

  it('given dryRun, the diff says what undo and redo would do and nothing changes', async () => {
    const session = 'dry';
    const path = 'Assets/Dry.cs';
    const { operationId } = await generate(session, 'Dry', 'class Dry\n{\n    int a = 1;\n}\n');
    const patched = await done('unity.apply_patch', session, {
      path,
      edits: [{ startLine: 3, startCol: 13, endLine: 3, endCol: 14, newText: '2' }],
    });
    const tree = treeOf(project);
    const newest = await spark.http(`/v1/sessions/${session}/undo`, { body: { dryRun: true } });
    expect(newest.status).toBe(200);
    expect(newest.body).toMatchObject({
      ok: true,
      operationId: patched['operationId'],
      editor: 'default',
      path,
    });
    expect(String(newest.body['diff']).split('\n')).toEqual(
      expect.arrayContaining(['-    int a = 2;', '+    int a = 1;', `--- a/${path}`, `+++ b/${path}`]),
    );
    const older = await spark.http(`/v1/sessions/${session}/undo`, { body: { dryRun: true, operationId } });
    expect(older.status, 'the older operation lies under the newer one').toBe(409);
    const none = await spark.http(`/v1/sessions/${session}/redo`, { body: { dryRun: true } });
    expect(none.status).toBe(422);
    expect(none.body).toMatchObject({ code: 'nothing_to_redo' });
    expect(treeOf(project)).toEqual(tree);
    await undo(session);
    const names = ['generate_unity_script', 'apply_unity_patch', 'undo'];
    await onStandby(
      'SELECT type FROM spark_events WHERE session_id = $1 ORDER BY seq',
      session,
      names.flatMap((name) => [{ type: `${name}.started` }, { type: `${name}.completed` }]),
    );
  });
});
