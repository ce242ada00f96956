import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { PRESET_IDS } from '../../src/commands/presetApply.js';
import { loadPresets, type PresetLibrary } from '../../src/presets/library.js';
import { readPng } from '../support/readPng.js';

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly palette: readonly (readonly [number, number, number, number])[];
  readonly dots: Uint8Array;
}

interface Generator {
  readonly TEXTURES: Record<string, Record<string, { draw(): { picture: Picture; cells: string[] } }>>;
  readonly PIXELS_PER_DOT: number;
}

interface SceneGenerator {
  sceneText(presetId: string, file: string, folder: URL): string;
}

const FOLDER = new URL('../../presets/', import.meta.url);
let presets: PresetLibrary;
let generator: Generator;
let scenes: SceneGenerator;
beforeAll(async () => {
  presets = await loadPresets();
  generator = (await import(new URL('tools/textures.mjs', FOLDER).href)) as Generator;
  scenes = (await import(new URL('tools/scenes.mjs', FOLDER).href)) as SceneGenerator;
});

describe.each([...PRESET_IDS])('the pictures of %s', (presetId) => {
  const texturesOf = async () => {
    const files = await presets.files(presetId, undefined);
    const assets = presets.describe(presetId)?.assets ?? [];
    expect(assets.length).toBeGreaterThan(1);
    return assets.map((asset) => {
      const file = files.find(({ path }) => path === asset.path);
      return {
        asset,
        png: readPng(file?.bytes ?? Buffer.alloc(0)),
        meta: Buffer.from(file?.meta ?? []).toString(),
      };
    });
  };

  it('given a PNG, then it decodes, is as large as it is listed, and lies between 512 and 1024 px', async () => {
    for (const { asset, png } of await texturesOf()) {
      expect([png.width, png.height], asset.path).toEqual([asset.widthPx, asset.heightPx]);
      expect(Math.min(png.width, png.height)).toBeGreaterThanOrEqual(512);
      expect(Math.max(png.width, png.height)).toBeLessThanOrEqual(1024);
      expect(asset.maxTextureSizePx).toBe(Math.max(png.width, png.height));
    }
  });

  it('given its .meta, then it is filtered by points, capped, compressed, and cut into the listed sprites', async () => {
    for (const { asset, meta } of await texturesOf()) {
      expect(meta).toMatch(/^ {4}filterMode: 0$/m);
      expect(meta).toMatch(/^ {4}enableMipMap: 0$/m);
      expect(meta).toMatch(/^ {2}textureType: 8$/m);
      expect(meta).toMatch(/^ {2}spriteMode: 2$/m);
      expect([...meta.matchAll(/maxTextureSize: (\d+)/g)].map(([, size]) => Number(size))).toEqual(
        Array.from({ length: 3 }, () => asset.maxTextureSizePx),
      );
      expect([...meta.matchAll(/textureCompression: (\d)/g)].map(([, level]) => level)).toEqual(['1', '1']);
      expect([...meta.matchAll(/^ {6}name: (.+)$/gm)].map(([, name]) => name)).toEqual(asset.sprites);
    }
  });

  it('given a sprite, then its cell is not empty', async () => {
    for (const { asset, png, meta } of await texturesOf()) {
      const rects = [...meta.matchAll(/ x: (\d+)\n +y: (\d+)\n +width: (\d+)\n +height: (\d+)/g)];
      expect(rects.length).toBe(asset.sprites.length);
      rects.forEach((match, index) => {
        const [x = 0, y = 0, width = 0, height = 0] = match.slice(1).map(Number);
        let seen = 0;
        for (let row = png.height - y - height; row < png.height - y; row += 1)
          for (let column = x; column < x + width; column += 1)
            if (png.rgba[(row * png.width + column) * 4 + 3] === 255) seen += 1;
        expect(seen / (width * height), `${asset.path} ${asset.sprites[index]}`).toBeGreaterThan(0.04);
      });
    }
  });

  it('given the generator, then it draws the very pictures and scenes that lie in the repository', async () => {
    const scale = generator.PIXELS_PER_DOT;
    const home = presets.describe(presetId)?.targetFolder ?? '';
    for (const { asset, png } of await texturesOf()) {
      const drawn = generator.TEXTURES[presetId]?.[asset.path.slice(home.length + 1)]?.draw();
      const { picture, cells } = drawn ?? { picture: undefined, cells: [] };
      expect(cells).toEqual(asset.sprites);
      const wrong = (picture?.dots ?? new Uint8Array()).findIndex((colour, at) => {
        const columns = picture?.width ?? 1;
        const [x, y] = [(at % columns) * scale, Math.floor(at / columns) * scale];
        const [r, g, b, a] = picture?.palette[colour] ?? [];
        const place = (y * png.width + x) * 4;
        const same = png.rgba[place] === r && png.rgba[place + 1] === g && png.rgba[place + 2] === b;
        return !same || png.rgba[place + 3] !== a;
      });
      expect(picture?.dots.length).toBe((png.width / scale) * (png.height / scale));
      expect(wrong, asset.path).toBe(-1);
    }
    for (const scene of presets.describe(presetId)?.scenes ?? []) {
      const file = scene.slice(home.length + 1);
      const folder = new URL(`${presetId}/`, FOLDER);
      expect(scenes.sceneText(presetId, file, folder)).toBe(await readFile(new URL(file, folder), 'utf8'));
    }
  });
});
