import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scriptOfBytes, treeOf } from '../support/projectTree.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const sha = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const LIMIT_BYTES = 204_800;

/** Texts that editors, JSON, HTTP, diffs and databases like to change on the way. */
const TEXTS: Record<string, string> = {
  Crlf: 'public class Crlf\r\n{\r\n    int a;\r\n}\r\n',
  Bom: '\ufeffpublic class Bom {}\n',
  BomCrlf: '\ufeffusing System;\r\npublic class BomCrlf\r\n{\r\n}\r\n',
  MixedEnds: 'class MixedEnds\r\n{\n\r    int a;\r}\r\n\n',
  NoLastNewline: 'class NoLastNewline { }',
  NonAscii: '// Grüße, 漢字, العربية, e\u0301 is not é\nclass NonAscii { string s = "…✓"; }\n',
  Astral: '// 🎮 𝕏 👩‍👩‍👧 \u{10ffff}\nclass Astral { string s = "😀"; }\n',
  Controls: 'class Controls { /* \u0000 \u0001 \t \u2028 \u2029 \u007f \ufeff */ }\n',
  OnlySpace: ' \r\n\t\r\n',
  Empty: '',
  Big: scriptOfBytes(LIMIT_BYTES, 'first'),
};

describe('every byte comes back', () => {
  const home = newHome();
  let spark: Spark;
  let project: string;

  beforeAll(async () => {
    spark = await Spark.start({ home });
    project = spark.endpoints.unityProjects['default'] ?? '';
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  async function done(
    type: string,
    sessionId: string,
    payload: object,
    editor?: string,
  ): Promise<Record<string, unknown>> {
    const answer = await spark.submitAndWait({
      type,
      sessionId,
      payload,
      ...(editor === undefined ? {} : { editor }),
    });
    expect(answer.body, `${type} in ${sessionId}`).toMatchObject({ state: 'completed' });
    expect(answer.status).toBe(200);
    return answer.body['result'] as Record<string, unknown>;
  }
  const generate = (session: string, name: string, code: string, overwrite = false) =>
    done('unity.generate_script', session, { name, path: `Assets/${name}.cs`, code, overwrite });
  const undo = (session: string, operationId?: string) =>
    done('session.undo', session, operationId === undefined ? {} : { operationId });
  const redo = (session: string, operationId?: string) =>
    done('session.redo', session, operationId === undefined ? {} : { operationId });
  /** What the standby says of a session, once it says so. */
  const onStandby = (query: string, session: string, rows: object[]) =>
    eventually(async () => expect(await spark.sql(query, [session])).toEqual(rows));
  const metaOf = (path: string) => spark.file(`${path}.meta`);

  it('given the texts, the largest is exactly at the limit', () => {
    expect(Buffer.byteLength(TEXTS['Big'] ?? '')).toBe(LIMIT_BYTES);
  });

  it.each(Object.entries(TEXTS))(
    'given %s, generate, delete and their undos and redos give back its bytes, its .meta and its guid, or absence',
    async (name, code) => {
      const session = `cycle-${name}`;
      const path = `Assets/${name}.cs`;
      const bytes = Buffer.from(code, 'utf8');
      const before = treeOf(project);

      const written = await generate(session, name, code);
      expect(written).toMatchObject({ path, sha256: sha(bytes), bytes: bytes.length, beforeSha256: null });
      expect(spark.file(path)).toEqual(bytes);
      const meta = metaOf(path);
      expect(meta?.toString()).toContain(`guid: ${String(written['guid'])}`);

      await done('unity.delete_script', session, { path });
      expect(spark.file(path)).toBeUndefined();
      expect(metaOf(path)).toBeUndefined();

      expect(await undo(session)).toMatchObject({ sha256: sha(bytes), guid: written['guid'] });
      expect(spark.file(path)).toEqual(bytes);
      expect(metaOf(path)).toEqual(meta);

      await undo(session);
      expect(treeOf(project)).toEqual(before);

      await redo(session);
      expect(spark.file(path)).toEqual(bytes);
      expect(metaOf(path)).toEqual(meta);
      await redo(session);
      expect(spark.file(path)).toBeUndefined();

      await undo(session);
      await undo(session);
      expect(treeOf(project)).toEqual(before);
    },
  );

  it('given overwrites from each text to the next, each file has the new bytes and each undo the old ones, guid kept', async () => {
    const session = 'overwrites';
    const path = 'Assets/Over.cs';
    // Empty stands between others, so that going there and coming from there are both seen.
    const chain = Object.entries(TEXTS).map(([name, text]) => ({ name, bytes: Buffer.from(text) }));
    const [first] = chain;
    await generate(session, 'Over', first?.bytes.toString() ?? '');
    const meta = metaOf(path);
    for (const { name, bytes } of chain.slice(1)) {
      const result = await done('unity.generate_script', session, {
        name: 'Over',
        path,
        code: bytes.toString(),
        overwrite: true,
      });
      expect(spark.file(path), `written: ${name}`).toEqual(bytes);
      expect(result).toMatchObject({ sha256: sha(bytes) });
    }
    for (const { name, bytes } of chain.slice(0, -1).reverse()) {
      await undo(session);
      expect(spark.file(path), `undone to: ${name}`).toEqual(bytes);
      expect(metaOf(path)).toEqual(meta);
    }
    for (const { name, bytes } of chain.slice(1)) {
      await redo(session);
      expect(spark.file(path), `redone to: ${name}`).toEqual(bytes);
      expect(metaOf(path)).toEqual(meta);
    }
  });

  it('given 200 KB over other 200 KB, both ways are exact', async () => {
    const session = 'big-over-big';
    const [one, two] = ['one', 'two'].map((seed) => scriptOfBytes(LIMIT_BYTES, seed));
    await generate(session, 'Huge', one ?? '');
    await generate(session, 'Huge', two ?? '', true);
    expect(spark.file('Assets/Huge.cs')).toEqual(Buffer.from(two ?? ''));
    await undo(session);
    expect(spark.file('Assets/Huge.cs')).toEqual(Buffer.from(one ?? ''));
    await redo(session);
    expect(spark.file('Assets/Huge.cs')).toEqual(Buffer.from(two ?? ''));
  });

  it('given a patch of a file with BOM and CRLF, as diff and as edits, only the patched bytes change and undo gives all back', async () => {
    const session = 'patches';
    const before = '\ufeffclass Patched\r\n{\r\n    // 🎮 ünï\r\n    int speed = 5;\r\n}\r\n';
    const after = before.replace('speed = 5', 'speed = 9');
    await generate(session, 'Patched', before);
    const path = 'Assets/Patched.cs';
    // As people write diffs: LF, and without the mark that editors hide.
    const patch = '@@ -3,3 +3,3 @@\n     // 🎮 ünï\n-    int speed = 5;\n+    int speed = 9;\n }\n';
    await done('unity.apply_patch', session, {
      path,
      patch: `--- a\n+++ b\n${patch}`,
      expectedSha256: sha(before),
    });
    expect(spark.file(path)).toEqual(Buffer.from(after));

    const edits = [
      { startLine: 3, startCol: 8, endLine: 3, endCol: 10, newText: '𝕏🎯' },
      { startLine: 5, startCol: 1, endLine: 5, endCol: 1, newText: '    string s = "😀";\r\n' },
    ];
    await done('unity.apply_patch', session, { path, edits });
    const edited = after.replace('🎮', '𝕏🎯').replace('\r\n}\r\n', '\r\n    string s = "😀";\r\n}\r\n');
    expect(spark.file(path)).toEqual(Buffer.from(edited));

    await undo(session);
    expect(spark.file(path)).toEqual(Buffer.from(after));
    await undo(session);
    expect(spark.file(path)).toEqual(Buffer.from(before));
    await redo(session);
    await redo(session);
    expect(spark.file(path)).toEqual(Buffer.from(edited));
  });

  it('given a patch that `diff` makes of 200 KB, the result is exact', async () => {
    const session = 'big-patch';
    const before = scriptOfBytes(LIMIT_BYTES, 'patched');
    const lines = before.split('\r\n');
    for (const at of [5, Math.floor(lines.length / 2), lines.length - 4])
      lines[at] = (lines[at] ?? '').replace('ünïcode', 'unicöde');
    const after = lines.join('\r\n');
    await generate(session, 'BigPatch', before);
    await done('unity.apply_patch', session, {
      path: 'Assets/BigPatch.cs',
      patch: createTwoFilesPatch('a', 'b', before, after),
    });
    expect(spark.file('Assets/BigPatch.cs')).toEqual(Buffer.from(after));
    await undo(session);
    expect(spark.file('Assets/BigPatch.cs')).toEqual(Buffer.from(before));
  });

  const foreign: Record<string, Buffer> = {
    'BOM and CRLF': Buffer.from('\ufeffclass Human\r\n{\r\n}\r\n'),
    'no UTF-8 at all': Buffer.concat([
      Buffer.from('// Gr'),
      Buffer.from([0xfc, 0xdf]),
      Buffer.from('e\r\nclass Human {}'),
    ]),
    'brackets that do not match': Buffer.from('class Human {\n    void Half() {\n'),
  };
  it.each(Object.entries(foreign))(
    'given a file that a human wrote, with %s, undo of its overwrite and of its delete gives it back',
    async (kind, bytes) => {
      const name = `Human${Object.keys(foreign).indexOf(kind)}`;
      const session = `human-${name}`;
      const path = `Assets/${name}.cs`;
      const meta = Buffer.from(
        `fileFormatVersion: 2\r\nguid: ${sha(name).slice(0, 32)}\r\nMonoImporter:\r\n  executionOrder: 7\r\n`,
      );
      writeFileSync(join(project, path), bytes);
      writeFileSync(join(project, `${path}.meta`), meta);
      await done('unity.generate_script', session, {
        name,
        path,
        code: `class ${name} {}\n`,
        overwrite: true,
      });
      expect(spark.file(path)).toEqual(Buffer.from(`class ${name} {}\n`));
      await undo(session);
      expect(spark.file(path)).toEqual(bytes);
      expect(metaOf(path)).toEqual(meta);

      await done('unity.delete_script', session, { path });
      expect(spark.file(path)).toBeUndefined();
      await undo(session);
      expect(spark.file(path)).toEqual(bytes);
      expect(metaOf(path)).toEqual(meta);
    },
  );

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

  it('given a long story, undoing it to its beginning leaves the project byte for byte as it was; redoing it all, as it ended', async () => {
    const session = 'story';
    writeFileSync(join(project, 'Assets/Old.cs'), '\ufeffclass Old\r\n{\r\n}\r\n');
    writeFileSync(join(project, 'Assets/Old.cs.meta'), `fileFormatVersion: 2\nguid: ${'0a'.repeat(16)}\n`);
    const before = treeOf(project);
    await generate(session, 'StoryA', TEXTS['BomCrlf'] ?? '');
    await generate(session, 'StoryB', TEXTS['Big'] ?? '');
    await done('unity.apply_patch', session, {
      path: 'Assets/StoryA.cs',
      edits: [{ startLine: 3, startCol: 2, endLine: 3, endCol: 2, newText: ' int added; ' }],
    });
    await generate(session, 'Old', TEXTS['Astral'] ?? '', true);
    await done('unity.delete_script', session, { path: 'Assets/Old.cs' });
    await generate(session, 'Old', TEXTS['Crlf'] ?? '');
    await done('unity.delete_script', session, { path: 'Assets/StoryB.cs' });
    await generate(session, 'StoryB', TEXTS['Empty'] ?? '');
    await done('unity.delete_script', session, { path: 'Assets/StoryA.cs' });
    const after = treeOf(project);
    expect(after).not.toEqual(before);
    for (let left = 9; left > 0; left--) await undo(session);
    expect(treeOf(project)).toEqual(before);
    const over = await spark.submitAndWait({ type: 'session.undo', sessionId: session, payload: {} });
    expect(over.body).toMatchObject({ state: 'failed', error: { code: 'nothing_to_undo' } });
    for (let left = 9; left > 0; left--) await redo(session);
    expect(treeOf(project)).toEqual(after);
  });

  it('given a script in folders that did not exist, undo takes them away too and redo brings them back, guids and all', async () => {
    const session = 'folders';
    const before = treeOf(project);
    const path = 'Assets/NewFolder/Deeper/Deep.cs';
    await done('unity.generate_script', session, { name: 'Deep', path, code: 'class Deep {}\n' });
    const written = treeOf(project);
    await undo(session);
    expect(treeOf(project)).toEqual(before);
    await redo(session);
    expect(treeOf(project)).toEqual(written);
  });
});
