import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scriptOfBytes, treeOf } from '../support/projectTree.js';
import { newHome, removeHome, Spark } from '../support/spark.js';
import { shaOf as sha } from './support/history.js';
import { sessionSteps } from './support/sessionSteps.js';

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
