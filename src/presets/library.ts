import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { LIMITS } from '../commands/limits.js';
import { PRESET_IDS } from '../commands/presetApply.js';
import { messageOf } from '../core/errors.js';
import type { PresetCatalogue, PresetDetails } from '../http/presetPort.js';
import type { PresetPort } from '../workers/presetPort.js';
import { PresetBrokenError, UnknownPresetError } from './errors.js';
import { type PresetManifest, parseManifest } from './manifest.js';
import { type RenderedFile, renderPreset } from './render.js';

/** Beside `dist/` and `src/`, as `migrations/` is. */
const PRESETS = new URL('../../presets/', import.meta.url);
/** Renderings kept: a preset is mostly asked for in few folders, and one is below 1 MB. */
const MAX_CACHED = 12;

interface Preset {
  readonly manifest: PresetManifest;
  readonly sources: ReadonlyMap<string, Uint8Array>;
  readonly details: PresetDetails;
}

/** Every preset, read and checked. `list` and `describe` are for HTTP, `files` is for the worker. */
export interface PresetLibrary extends PresetCatalogue, PresetPort {}

/**
 * Reads all presets (folder: a URL ending in "/") and renders each once, so that a broken one is found now. Throws
 * `PresetBrokenError` naming the file and the field.
 */
export async function loadPresets(folder: URL = PRESETS): Promise<PresetLibrary> {
  const presets = new Map(
    await Promise.all(PRESET_IDS.map(async (id) => [id as string, await readPreset(folder, id)] as const)),
  );
  const cache = new Map<string, readonly RenderedFile[]>();
  const filesOf = (presetId: string, targetFolder: string | undefined): readonly RenderedFile[] => {
    const preset = presets.get(presetId);
    if (!preset) throw new UnknownPresetError(`there is no preset "${presetId}"`, { fields: { presetId } });
    const target = targetFolder ?? preset.manifest.folder;
    const key = `${presetId}:${target}`;
    const files = cache.get(key) ?? renderPreset(preset.manifest, preset.sources, target);
    cache.delete(key);
    cache.set(key, files);
    const [oldest] = cache.keys();
    if (cache.size > MAX_CACHED && oldest !== undefined) cache.delete(oldest);
    return files;
  };
  return {
    list: () => [...presets.values()].map(({ details }) => details),
    describe: (presetId) => presets.get(presetId)?.details,
    // Async: what it throws is a rejection.
    files: async (presetId, targetFolder) => filesOf(presetId, targetFolder),
  };
}

async function readPreset(folder: URL, id: (typeof PRESET_IDS)[number]): Promise<Preset> {
  const manifestFile = `${id}/preset.json`;
  const manifest = parseManifest(manifestFile, (await read(folder, manifestFile)).toString('utf8'));
  if (manifest.id !== id)
    throw new PresetBrokenError(`${manifestFile}: id: is "${manifest.id}", not its folder's name "${id}"`, {
      fields: { file: manifestFile, field: 'id' },
    });
  const sources = new Map(
    await Promise.all(
      manifest.files.map(async (file) => [file, await readLimited(folder, `${id}/${file}`)] as const),
    ),
  );
  return {
    manifest,
    sources,
    details: detailsOf(manifest, renderPreset(manifest, sources, manifest.folder)),
  };
}

async function read(folder: URL, file: string): Promise<Buffer> {
  try {
    return await readFile(new URL(file, folder));
  } catch (cause) {
    throw new PresetBrokenError(`${file} cannot be read: ${messageOf(cause)}`, { fields: { file }, cause });
  }
}

async function readLimited(folder: URL, file: string): Promise<Buffer> {
  const bytes = await read(folder, file);
  const limit = file.endsWith('.cs') ? LIMITS.scriptBytes : LIMITS.assetBytes;
  if (bytes.byteLength > 0 && bytes.byteLength <= limit) return bytes;
  throw new PresetBrokenError(`${file} is ${bytes.byteLength} bytes; 1 to ${limit} are allowed`, {
    fields: { file, bytes: bytes.byteLength, limit },
  });
}

function detailsOf(manifest: PresetManifest, files: readonly RenderedFile[]): PresetDetails {
  const { id, name, description, folder, namespace, scenes, assets, build } = manifest;
  const listed = files.map(({ path, bytes }) => ({
    path,
    bytes: bytes.byteLength,
    sha256: createHash('sha256').update(bytes).digest('hex'),
  }));
  const inProject = (path: string) => `${folder}/${path}`;
  return {
    id,
    name,
    description,
    targetFolder: folder,
    namespace,
    files: listed,
    totalBytes: listed.reduce((sum, file) => sum + file.bytes, 0),
    scenes: scenes.map(inProject),
    assets: assets.map((asset) => ({ ...asset, path: inProject(asset.path) })),
    build: { ...build, scenes: build.scenes.map(inProject) },
  };
}
