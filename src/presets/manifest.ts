import { z } from 'zod';
import { checkAssetPath } from '../commands/assetPath.js';
import { folderPath } from '../commands/fields.js';
import { PRESET_IDS } from '../commands/presetApply.js';
import { PresetBrokenError } from './errors.js';

const MIN_TEXTURE_PX = 512;
const MAX_TEXTURE_PX = 1024;

/** A path inside the preset's folder; it must still be a good one below any target. */
const filePath = z.string().superRefine((path, context) => {
  const verdict = checkAssetPath(`Assets/${path}`);
  if (!verdict.ok) context.addIssue({ code: 'custom', message: `the path ${verdict.reason}` });
});
const identifier = z.string().regex(/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/, 'must be a C# namespace');
const texturePx = z.int().min(MIN_TEXTURE_PX).max(MAX_TEXTURE_PX);

const texture = z.strictObject({
  path: filePath,
  kind: z.literal('texture'),
  widthPx: texturePx,
  heightPx: texturePx,
  maxTextureSizePx: z.union([z.literal(512), z.literal(1024)]),
  filter: z.literal('point'),
  compression: z.enum(['compressed', 'high_quality', 'none']),
  pixelsPerUnit: z.int().min(1).max(1024),
  /** Width and height of one sprite; sprites fill the sheet row by row from the upper left. */
  cellPx: z.tuple([z.int().min(4), z.int().min(4)]),
  sprites: z
    .array(z.string().regex(/^[a-z0-9-]+$/))
    .min(1)
    .max(256),
});

const buildConfiguration = z.strictObject({
  target: z.literal('webgl'),
  compression: z.literal('gzip'),
  initialMemoryMb: z.int().min(16).max(2048),
  maxMemoryMb: z.int().min(16).max(2048),
  quality: z.enum(['low', 'medium', 'high']),
  template: z.string().min(1),
  scenes: z.array(filePath).min(1),
});

const manifest = z
  .strictObject({
    id: z.enum(PRESET_IDS),
    name: z.string().min(1),
    description: z.string().min(1),
    /** Where it goes when nobody says otherwise. The files name it, and its namespace, literally: they are valid as they lie. */
    folder: folderPath,
    namespace: identifier,
    /** Head of its menu items in the editor. */
    menu: z.string().regex(/^[A-Za-z0-9 /-]+[A-Za-z0-9]$/),
    /** In the order they are written: each script uses only types of earlier ones, so that the project compiles at every step. */
    files: z.array(filePath).min(1),
    scenes: z.array(filePath).min(1),
    assets: z.array(texture),
    build: buildConfiguration,
  })
  .superRefine((value, context) => {
    const files = new Set(value.files);
    const wrong = (path: (string | number)[], message: string) =>
      context.addIssue({ code: 'custom', path, message });
    if (files.size !== value.files.length) wrong(['files'], 'names a file twice');
    value.scenes.forEach((path, index) => {
      if (!files.has(path)) wrong(['scenes', index], `"${path}" is not among the files`);
    });
    value.build.scenes.forEach((path, index) => {
      if (!value.scenes.includes(path))
        wrong(['build', 'scenes', index], `"${path}" is not among the scenes`);
    });
    value.assets.forEach((asset, index) => {
      const [width, height] = asset.cellPx;
      const room = Math.floor(asset.widthPx / width) * Math.floor(asset.heightPx / height);
      if (!files.has(asset.path)) wrong(['assets', index, 'path'], `"${asset.path}" is not among the files`);
      if (asset.sprites.length > room)
        wrong(['assets', index, 'sprites'], `has ${asset.sprites.length} sprites, and room for ${room}`);
    });
  });

export type PresetManifest = z.infer<typeof manifest>;
export type PresetTexture = PresetManifest['assets'][number];

/** Reads a `preset.json`. Throws `PresetBrokenError` naming the file and the field that is wrong. */
export function parseManifest(file: string, text: string): PresetManifest {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new PresetBrokenError(`${file} is not JSON`, { fields: { file }, cause });
  }
  const parsed = manifest.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.join('.') || '(the whole)';
  throw new PresetBrokenError(`${file}: ${field}: ${issue?.message ?? 'does not fit'}`, {
    fields: { file, field },
  });
}
