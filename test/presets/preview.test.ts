import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PRESET_IDS } from '../../src/commands/presetApply.js';
import { loadPresets } from '../../src/presets/library.js';
import { decodePng } from '../embedded/simulator/png.js';
import { simulate, type TestSimulator } from '../embedded/simulator/support.js';

/** Puts a preset's files where an editor would find them; gives back its scenes. */
async function place(simulator: TestSimulator, presetId: string, folder: string): Promise<readonly string[]> {
  const presets = await loadPresets();
  const files = await presets.files(presetId, folder);
  const root = simulator.projects['default'] ?? '';
  for (const { path, bytes, meta } of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), bytes);
    if (meta) await writeFile(join(root, `${path}.meta`), meta);
  }
  return files.filter(({ path }) => path.endsWith('.unity')).map(({ path }) => path);
}

async function shoot(simulator: TestSimulator, scene: string | undefined, target?: string) {
  const loaded = await simulator.tool('manage_scene', { action: 'load', path: scene });
  expect(loaded.body['success']).toBe(true);
  const shot = await simulator.tool('manage_camera', {
    action: 'screenshot',
    include_image: true,
    max_resolution: 320,
    ...(target === undefined ? {} : { view_target: target }),
  });
  const content = shot.raw['content'] as { data?: string }[];
  const bytes = Buffer.from(content[1]?.data ?? '', 'base64');
  const folder = process.env['SPARK_TEST_PICTURES'];
  if (folder) await writeFile(join(folder, `${scene?.split('/').at(-1)}${target ?? ''}.png`), bytes);
  return decodePng(bytes);
}

/** Colours as six hex digits. */
const coloursOf = (png: ReturnType<typeof decodePng>): Set<string> => {
  const seen = new Set<number>();
  for (let at = 0; at < png.rgb.length; at += 3) seen.add(png.rgb.readUIntBE(at, 3));
  return new Set([...seen].map((colour) => colour.toString(16).padStart(6, '0')));
};

describe.each([...PRESET_IDS])('the scene of %s in the simulator', (presetId) => {
  it('given its preview, then the pictures of the game are seen and none is missing', async () => {
    const simulator = await simulate();
    const [scene] = await place(simulator, presetId, 'Assets/Here');
    const seen = coloursOf(await shoot(simulator, scene));
    // What cannot be found is drawn in magenta.
    expect(seen).not.toContain('ff00ff');
    expect(seen.size).toBeGreaterThan(14);
  });
});

describe('a 2D scene', () => {
  it('given its hierarchy, then the objects of the game are listed with their sprites', async () => {
    const simulator = await simulate();
    const [scene] = await place(simulator, 'platformer-2d', 'Assets/Here');
    const { body } = await simulator.tool('manage_scene', { action: 'get_hierarchy', path: scene });
    const items = body.data?.['items'] as { name: string; path: string }[];
    const names = items.map(({ name }) => name);
    for (const name of ['Main Camera', 'Player', 'Coin', 'Checkpoint', 'Goal', 'Moving Platform', 'Game'])
      expect(names).toContain(name);
    expect(items.find(({ name }) => name === 'Goal')?.path).toBe('Level/Goal');
  });

  it('given an object to look at, then the flat camera is moved before it', async () => {
    const simulator = await simulate();
    const [scene] = await place(simulator, 'platformer-2d', 'Assets/Here');
    const start = await shoot(simulator, scene, 'Player');
    const goal = await shoot(simulator, scene, 'Goal');
    expect(goal.rgb.equals(start.rgb)).toBe(false);
    const gold = (png: typeof goal) => [...coloursOf(png)].includes('ffd23f');
    expect([gold(start), gold(goal)]).toEqual([false, true]);
  });

  it('given a texture that is taken away, then its sprites are magenta', async () => {
    const simulator = await simulate();
    const [scene] = await place(simulator, 'top-down-action', 'Assets/Here');
    await writeFile(join(simulator.projects['default'] ?? '', 'Assets/Here/Textures/Tiles.png'), 'gone');
    expect(coloursOf(await shoot(simulator, scene))).toContain('ff00ff');
  });

  it('given that its file is deleted while it is open, then the editor still names it, and another can be opened', async () => {
    const simulator = await simulate();
    const [scene] = await place(simulator, 'platformer-2d', 'Assets/Here');
    await shoot(simulator, scene);
    await rm(join(simulator.projects['default'] ?? '', scene ?? ''));
    const active = await simulator.tool('manage_scene', { action: 'get_active' });
    expect(active.body.data).toMatchObject({ path: scene, rootCount: 0 });
    await shoot(simulator, 'Assets/Scenes/SampleScene.unity');
  });
});
