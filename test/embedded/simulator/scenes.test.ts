import { describe, expect, it } from 'vitest';
import { readScene, writeScene } from '../../../src/embedded/simulator/scene.js';
import { decodePng } from './png.js';
import { simulate, type TestSimulator } from './support.js';

async function screenshot(simulator: TestSimulator, args: Record<string, unknown> = {}) {
  const shot = await simulator.tool('manage_camera', {
    action: 'screenshot',
    include_image: true,
    max_resolution: 640,
    ...args,
  });
  const content = shot.raw['content'] as { data?: string }[];
  return { data: shot.body.data ?? {}, png: decodePng(Buffer.from(content[1]?.data ?? '', 'base64')) };
}

describe('screenshots', () => {
  it.each([
    [1, 1, 1],
    [64, 64, 36],
    [640, 640, 360],
    [2048, 2048, 1152],
    [9999, 2048, 1152],
  ])(
    'given max_resolution %i, the picture is a real PNG of the size it says',
    async (asked, width, height) => {
      const simulator = await simulate();
      const { data, png } = await screenshot(simulator, { max_resolution: asked });
      expect([png.width, png.height]).toEqual([width, height]);
      expect([data['imageWidth'], data['imageHeight']]).toEqual([width, height]);
    },
  );

  it('given no change, two pictures are the same; given an added object, its colour shows where it stands', async () => {
    const simulator = await simulate();
    const before = await screenshot(simulator);
    expect((await screenshot(simulator)).png.rgb.equals(before.png.rgb)).toBe(true);
    await simulator.tool('manage_gameobject', {
      action: 'create',
      name: 'Red Box',
      primitive_type: 'Cube',
      position: [2, 1, 0],
      scale: { x: 1, y: 1, z: 1 },
      color: [1, 0, 0],
    });
    const after = await screenshot(simulator);
    const red = (picture: typeof before.png): number[] => {
      const columns: number[] = [];
      for (let y = 0; y < picture.height; y += 1) {
        for (let x = 0; x < picture.width; x += 1) {
          const [r, g, b] = picture.pixel(x, y);
          if (r > 150 && g === 0 && b === 0) columns.push(x);
        }
      }
      return columns;
    };
    expect(red(before.png)).toEqual([]);
    const columns = red(after.png);
    expect(columns.length).toBeGreaterThan(200);
    expect(Math.min(...columns)).toBeGreaterThan(after.png.width / 2);
    await simulator.tool('manage_gameobject', { action: 'modify', target: 'Red Box', position: [-2, 1, 0] });
    expect(Math.max(...red((await screenshot(simulator)).png))).toBeLessThan(after.png.width / 2);
    await simulator.tool('manage_gameobject', { action: 'delete', target: 'Red Box' });
    expect((await screenshot(simulator)).png.rgb.equals(before.png.rgb)).toBe(true);
    expect((await simulator.effects()).map(({ path }) => path)).toEqual(
      Array(3).fill('Assets/Scenes/SampleScene.unity'),
    );
  });

  it('given another target or scene, the picture is another one', async () => {
    const simulator = await simulate();
    const before = await screenshot(simulator);
    const turned = await screenshot(simulator, { view_target: [30, 0, 0] });
    expect(turned.png.rgb.equals(before.png.rgb)).toBe(false);
    await simulator.tool('manage_scene', { action: 'create', name: 'Level2' });
    const empty = await screenshot(simulator);
    expect(empty.data['scene']).toBe('Assets/Scenes/Level2.unity');
    expect(empty.png.rgb.equals(before.png.rgb)).toBe(false);
    await simulator.tool('manage_scene', { action: 'load', path: 'Assets/Scenes/SampleScene.unity' });
    expect((await screenshot(simulator)).png.rgb.equals(before.png.rgb)).toBe(true);
  });

  it('given no include_image, there is text only', async () => {
    const simulator = await simulate();
    const shot = await simulator.tool('manage_camera', { action: 'screenshot', max_resolution: '100' });
    expect(shot.raw['structuredContent']).toMatchObject({
      success: true,
      data: { imageWidth: 100, imageHeight: 56 },
    });
  });
});

describe('scene files', () => {
  it('given objects of every kind, writing and reading gives them back', () => {
    const base = {
      tag: 'Untagged',
      position: [0.5, -1e-7, 3],
      rotation: [0, 90, 0],
      scale: [1, 2, 3],
      colour: [1, 0, 0.25],
    } as const;
    const objects = (['Cube', 'Sphere', 'Capsule', 'Cylinder', 'Plane', 'Quad', 'Light'] as const).map(
      (kind, index) => ({
        ...base,
        id: 100 + index * 10,
        name: `Weird: "${kind}" # ä\n`,
        active: index % 2 === 0,
        kind,
        parent: index === 0 ? undefined : 100,
      }),
    );
    expect(readScene(writeScene(objects))).toEqual(objects);
  });

  it('given sprites and a flat camera, they are read back as they were written', () => {
    const base = {
      tag: 'Untagged',
      active: true,
      parent: undefined,
      position: [1, 2, 0],
      rotation: [0, 0, 0],
      scale: [1, 1, 1],
      colour: [1, 0.5, 0],
    } as const;
    const sprite = { sheet: 'ab'.repeat(16), id: 123456789012, order: -3, flipped: true } as const;
    const flat = { size: 6, background: [0.25, 0.5, 1] } as const;
    const objects = [
      { ...base, id: 100, name: 'Coin', kind: 'Sprite', sprite },
      { ...base, id: 110, name: 'Ground', kind: 'Sprite', sprite: { ...sprite, tiled: [17, 1] } },
      { ...base, id: 120, name: 'Main Camera', kind: 'Camera', colour: [0.8, 0.8, 0.8], flat },
    ] as const;
    expect(readScene(writeScene(objects))).toEqual(objects);
  });

  it('given objects created, listed and given a parent, the hierarchy tells', async () => {
    const simulator = await simulate();
    const create = (args: Record<string, unknown>) =>
      simulator.tool('manage_gameobject', { action: 'create', ...args });
    await create({ name: 'Root' });
    const child = await create({ name: 'Child', parent: 'Root', primitive_type: 'Sphere' });
    expect(child.body.data).toMatchObject({
      path: 'Root/Child',
      componentNames: ['Transform', 'MeshFilter', 'MeshRenderer'],
    });
    expect((await create({ name: 'X', primitive_type: 'Teapot' })).body['success']).toBe(false);
    expect((await create({ name: 'X', parent: 'Nobody' })).body['success']).toBe(false);
    const deleted = await simulator.tool('manage_gameobject', { action: 'delete', target: 'Root' });
    expect(deleted.body.data?.['deleted']).toHaveLength(2);
    const list = await simulator.tool('manage_gameobject', { action: 'list' });
    expect(list.body.data?.['total']).toBe(4);
  });
});
