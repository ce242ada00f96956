import { checkAssetPath } from '../commands/assetPath.js';
import { PresetBrokenError, PresetTargetError } from './errors.js';
import { guidOf, placeOf, spriteIdOf } from './identity.js';
import type { PresetManifest } from './manifest.js';
import { metaText } from './metaText.js';

/** One file of a preset as it shall lie in a project: what `workers/presetPort.ts` calls a `PresetFile`. */
export interface RenderedFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly meta: Uint8Array | null;
}

const REFERENCE = /\{\{(guid|sprite):([^}#]+)(?:#([^}]+))?\}\}/g;

/**
 * A preset's files under a folder, in its own order. Pure: the same sources and folder give the same bytes. Throws
 * `PresetTargetError` when a file's path would not be a good one there, `PresetBrokenError` for a reference to nothing.
 */
export function renderPreset(
  manifest: PresetManifest,
  sources: ReadonlyMap<string, Uint8Array>,
  folder: string,
): RenderedFile[] {
  return manifest.files.map((file) => {
    const path = `${folder}/${file}`;
    const verdict = checkAssetPath(path);
    if (!verdict.ok)
      throw new PresetTargetError(`the preset cannot lie in "${folder}": "${path}" ${verdict.reason}`, {
        fields: { path, targetFolder: folder },
      });
    const source = sources.get(file);
    if (!source) throw new PresetBrokenError(`${manifest.id}: ${file} was not read`, { fields: { file } });
    const texture = manifest.assets.find((asset) => asset.path === file);
    const meta = metaText(path, texture);
    return {
      path,
      bytes: contentOf(manifest, file, source, folder),
      meta: meta === undefined ? null : Buffer.from(meta),
    };
  });
}

function contentOf(manifest: PresetManifest, file: string, source: Uint8Array, folder: string): Uint8Array {
  if (file.endsWith('.cs')) {
    if (folder === manifest.folder) return source;
    return Buffer.from(movedScript(manifest, Buffer.from(source).toString('utf8'), folder));
  }
  if (file.endsWith('.unity')) {
    const text = Buffer.from(source).toString('utf8');
    return Buffer.from(text.replace(REFERENCE, (...match) => referenceText(manifest, folder, match)));
  }
  return source;
}

/** The script as it reads elsewhere: its folder, its namespace and its menu are those of the new place. */
function movedScript(manifest: PresetManifest, text: string, folder: string): string {
  const place = placeOf(folder);
  const names: Readonly<Record<string, string>> = {
    [manifest.folder]: folder,
    [manifest.namespace]: `${manifest.namespace}.${place}`,
    [`"${manifest.menu}/`]: `"${manifest.menu} ${place}/`,
  };
  const pattern = Object.keys(names)
    .map((name) => name.replace(/[.]/g, '\\.'))
    .join('|');
  // In one pass: what one name became is not looked at again.
  return text.replace(new RegExp(`(?:${pattern})(?!\\w)`, 'g'), (found) => names[found] ?? found);
}

function referenceText(manifest: PresetManifest, folder: string, match: readonly unknown[]): string {
  const [, kind, file, sprite] = match as readonly (string | undefined)[];
  const path = `${folder}/${file ?? ''}`;
  const known = file !== undefined && manifest.files.includes(file);
  const texture = manifest.assets.find((asset) => asset.path === file);
  if (kind === 'guid' && known) return guidOf(path);
  if (kind === 'sprite' && sprite !== undefined && texture?.sprites.includes(sprite))
    return `{fileID: ${spriteIdOf(path, sprite)}, guid: ${guidOf(path)}, type: 3}`;
  throw new PresetBrokenError(`${manifest.id}: a scene refers to ${String(match[0])}, which is not there`, {
    fields: { reference: String(match[0]) },
  });
}
