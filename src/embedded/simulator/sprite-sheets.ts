/** Finds the picture behind a sprite: the texture by its GUID, and the rectangle by the sprite's id in the texture's `.meta`. */
import { readFileSync } from 'node:fs';
import { assetsBelow, guidOf, metaPath } from './meta-files.js';
import { readPng, type Texture } from './read-png.js';
import { readIfThere } from './safe-write.js';

export interface SpritePicture {
  readonly texture: Texture;
  /** In dots, from the upper left of the texture. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly pixelsPerUnit: number;
}

export type FindSprite = (sheet: string, id: number) => SpritePicture | undefined;

interface Sheet {
  readonly texture: Texture;
  readonly meta: string;
}

/** For one drawing: the project is searched once, when the first sprite is asked for. */
export function spriteFinder(assetsRoot: string): FindSprite {
  let files: ReadonlyMap<string, string> | undefined;
  const sheets = new Map<string, Sheet | undefined>();
  const found = new Map<string, SpritePicture | undefined>();
  return (guid, id) => {
    const key = `${guid}:${id}`;
    if (found.has(key)) return found.get(key);
    files ??= texturesOf(assetsRoot);
    if (!sheets.has(guid)) sheets.set(guid, readSheet(files.get(guid)));
    const sheet = sheets.get(guid);
    const picture = sheet && pictureOf(sheet, id);
    found.set(key, picture);
    return picture;
  };
}

function texturesOf(assetsRoot: string): Map<string, string> {
  const files = assetsBelow(assetsRoot).filter(({ path }) => path.toLowerCase().endsWith('.png'));
  return new Map(files.map(({ path }) => [guidOf(path) ?? '', path]));
}

function readSheet(file: string | undefined): Sheet | undefined {
  if (file === undefined) return undefined;
  const texture = readPng(readFileSync(file));
  return texture && { texture, meta: readIfThere(metaPath(file))?.toString('utf8') ?? '' };
}

function pictureOf({ texture, meta }: Sheet, id: number): SpritePicture | undefined {
  const pixelsPerUnit = Number(/spritePixelsToUnits: ([\d.]+)/.exec(meta)?.[1] ?? 100);
  const whole = { texture, x: 0, y: 0, width: texture.width, height: texture.height, pixelsPerUnit };
  // A texture that is one sprite has no list; Unity gives that sprite this id.
  if (id === 21300000) return whole;
  const entry = meta
    .split(/^ {4}- serializedVersion: \d+\n(?= {6}name:)/m)
    .find((part) => part.includes(`internalID: ${id}\n`));
  const [, x, y, width, height] =
    /\n +x: ([\d.]+)\n +y: ([\d.]+)\n +width: ([\d.]+)\n +height: ([\d.]+)/.exec(entry ?? '') ?? [];
  if (x === undefined || y === undefined) return undefined;
  const rect = { x: Number(x), width: Number(width), height: Number(height) };
  // Unity counts y from the lower edge.
  return { ...whole, ...rect, y: texture.height - Number(y) - rect.height };
}
