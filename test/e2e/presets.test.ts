import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRESET_IDS } from '../../src/commands/presetApply.js';
import { loadPresets, type PresetLibrary } from '../../src/presets/library.js';
import { decodePng } from '../embedded/simulator/png.js';
import { runCli } from '../support/cli.js';
import { treeOf } from '../support/projectTree.js';
import { newHome, removeHome, Spark } from '../support/spark.js';

describe('a preset, as a new user tries it', () => {
  const home = newHome();
  let spark: Spark;
  let presets: PresetLibrary;
  beforeAll(async () => {
    [spark, presets] = await Promise.all([
      Spark.start({ home, env: { MCP_BUILD_POLL_MS: '250' } }),
      loadPresets(),
    ]);
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });
  const project = () => spark.readEndpoints().unityProjects['default'] ?? '';
  const assets = () => treeOf(join(project(), 'Assets'));
  /** Everything but what player builds leave. */
  const tree = () =>
    Object.fromEntries(Object.entries(treeOf(project())).filter(([path]) => !path.startsWith('Builds/')));

  it.each([...PRESET_IDS])(
    'given %s, then it is applied with every byte and GUID, previewed, built for WebGL and taken back to the byte',
    async (presetId) => {
      const sessionId = `try-${presetId}`;
      const shown = (await spark.http(`/v1/presets/${presetId}`)).body;
      const [scene] = shown['scenes'] as string[];
      const before = tree();

      const applied = await runCli(home, ['preset', 'apply', presetId, '-s', sessionId, '--wait', '120']);
      expect([applied.code, applied.out], applied.err).toEqual([0, expect.stringContaining('completed')]);
      for (const { path, bytes, meta } of await presets.files(presetId, undefined)) {
        expect(spark.file(path)?.equals(bytes), path).toBe(true);
        expect(readFileSync(join(project(), `${path}.meta`), 'utf8'), path).toBe(
          Buffer.from(meta ?? []).toString(),
        );
      }

      const preview = await spark.submitAndWait({
        type: 'unity.render_preview',
        sessionId,
        payload: { scenePath: scene, width: 320, height: 180, format: 'png', mode: 'fast' },
      });
      expect(preview.body['state'], JSON.stringify(preview.body)).toBe('completed');
      const { frameRef } = preview.body['result'] as { frameRef: string };
      const frame = await fetch(`${spark.endpoints.http}${frameRef}`, {
        headers: { authorization: `Bearer ${spark.endpoints.token}` },
      });
      const picture = decodePng(Buffer.from(await frame.arrayBuffer()));
      const seen = new Set<number>();
      for (let at = 0; at < picture.rgb.length; at += 3) seen.add(picture.rgb.readUIntBE(at, 3));
      expect(seen.has(0xff00ff)).toBe(false);
      expect(seen.size).toBeGreaterThan(14);

      const build = await spark.submitAndWait({
        type: 'unity.run_build',
        sessionId,
        payload: { target: 'webgl', scenes: [scene] },
      });
      expect(build.body['state'], JSON.stringify(build.body)).toBe('completed');

      // Back by one undo, which keeps the player, or by what takes a whole session back, its players too.
      const wholeSession = presetId === 'platformer-2d';
      const taken = await runCli(
        home,
        wholeSession
          ? ['rollback', sessionId, '--to', '2020-01-01T00:00:00Z', '--wait', '120']
          : ['undo', sessionId, '--wait', '120'],
      );
      expect(taken.code, taken.err + taken.out).toBe(0);
      expect(tree()).toEqual(before);
      expect(existsSync(join(project(), 'Builds/webgl', String(build.body['commandId'])))).toBe(
        !wholeSession,
      );
    },
  );

  it('given a second copy in another folder, then both lie side by side and neither shares a GUID with the other', async () => {
    const before = assets();
    const apply = (sessionId: string, targetFolder: string) =>
      spark.http('/v1/presets/visual-novel/apply', {
        body: { sessionId, targetFolder },
        headers: { prefer: 'wait=60' },
      });
    expect((await apply('copies', 'Assets/One')).status).toBe(200);
    expect((await apply('copies', 'Assets/Games/Two')).status).toBe(200);
    const guids = Object.keys(assets())
      .filter((path) => path.endsWith('.meta'))
      .map((path) => /guid: (\w+)/.exec(readFileSync(join(project(), 'Assets', path), 'utf8'))?.[1]);
    expect(new Set(guids).size).toBe(guids.length);
    for (let copies = 0; copies < 2; copies += 1) {
      const undone = await runCli(home, ['undo', 'copies', '--wait', '60']);
      expect(undone.code, undone.err + undone.out).toBe(0);
    }
    expect(assets()).toEqual(before);
  });

  it('given something else at one of its paths, then it is a conflict that names the file, and nothing is written', async () => {
    const path = 'Assets/Taken/Scripts/Hud.cs';
    const made = await spark.submitAndWait({
      type: 'unity.generate_script',
      sessionId: 'taken',
      payload: { name: 'Hud', path, code: 'class Hud {}\n' },
    });
    expect(made.body['state']).toBe('completed');
    const before = assets();
    const reply = await spark.http('/v1/presets/platformer-2d/apply', {
      body: { sessionId: 'taken', targetFolder: 'Assets/Taken' },
      headers: { prefer: 'wait=60' },
    });
    expect([reply.status, reply.body['code']]).toEqual([409, 'conflict']);
    expect(JSON.stringify(reply.body)).toContain(path);
    expect(assets()).toEqual(before);
  });
});
