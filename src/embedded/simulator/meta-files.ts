/**
 * Unity's `.meta` sidecars: every file and folder under Assets has one, and the guid in it is the asset's identity.
 * A guid is random, never derived from the path: a file that is deleted and made anew gets another one, so only a
 * restored `.meta` brings the old identity back.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { readIfThere, replaceFile } from './safe-write.js';

const TAIL = '  externalObjects: {}\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n';
const MONO_TAIL =
  '  externalObjects: {}\n  serializedVersion: 2\n  defaultReferences: []\n  executionOrder: 0\n' +
  '  icon: {instanceID: 0}\n  userData: \n  assetBundleName: \n  assetBundleVariant: \n';

const IMPORTERS: Readonly<Record<string, string>> = {
  '.cs': 'MonoImporter',
  '.prefab': 'PrefabImporter',
  '.mat': 'NativeFormatImporter',
  '.asset': 'NativeFormatImporter',
  '.png': 'TextureImporter',
  '.jpg': 'TextureImporter',
  '.jpeg': 'TextureImporter',
  '.wav': 'AudioImporter',
  '.ogg': 'AudioImporter',
  '.mp3': 'AudioImporter',
  '.fbx': 'ModelImporter',
  '.obj': 'ModelImporter',
};

export function metaPath(asset: string): string {
  return `${asset}.meta`;
}

function metaText(asset: string, isFolder: boolean): string {
  const head = `fileFormatVersion: 2\nguid: ${randomBytes(16).toString('hex')}\n`;
  if (isFolder) return `${head}folderAsset: yes\nDefaultImporter:\n${TAIL}`;
  const importer = IMPORTERS[extname(asset).toLowerCase()] ?? 'DefaultImporter';
  return `${head}${importer}:\n${importer === 'MonoImporter' ? MONO_TAIL : TAIL}`;
}

/** The guid in an asset's `.meta`, or undefined without one. */
export function guidOf(asset: string): string | undefined {
  const text = readIfThere(metaPath(asset))?.toString('utf8');
  return text === undefined ? undefined : /^guid: ([0-9a-f]{32})\s*$/m.exec(text)?.[1];
}

/** Makes the `.meta` of an asset unless one lies there already (its guid is kept, as Unity does); true if made. */
export function ensureMeta(asset: string, isFolder: boolean): boolean {
  if (existsSync(metaPath(asset))) return false;
  replaceFile(metaPath(asset), metaText(asset, isFolder));
  return true;
}

export function removeMeta(asset: string): void {
  rmSync(metaPath(asset), { force: true });
}

/** Makes a folder under Assets with every missing parent, each with its `.meta`. */
export function ensureFolder(folder: string, assetsRoot: string): void {
  if (folder === assetsRoot || existsSync(folder)) return;
  ensureFolder(dirname(folder), assetsRoot);
  mkdirSync(folder);
  ensureMeta(folder, true);
}

/** Unity does not import names that begin with a dot or end in a tilde. */
function isHidden(name: string): boolean {
  return name.startsWith('.') || name.endsWith('~');
}

/** Every visible file and folder below `folder`, as absolute paths, without `.meta` files. */
export function assetsBelow(folder: string): { path: string; isFolder: boolean }[] {
  const found: { path: string; isFolder: boolean }[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (isHidden(entry.name) || entry.name.endsWith('.meta')) continue;
    const path = join(folder, entry.name);
    if (!entry.isDirectory() && !entry.isFile()) continue;
    found.push({ path, isFolder: entry.isDirectory() });
    if (entry.isDirectory()) found.push(...assetsBelow(path));
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What an asset refresh would change: assets without a `.meta`, and `.meta` files without an asset. */
export function metaDrift(assetsRoot: string): {
  missing: { path: string; isFolder: boolean }[];
  orphans: string[];
} {
  const missing = assetsBelow(assetsRoot).filter((asset) => !existsSync(metaPath(asset.path)));
  const orphans: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !isHidden(entry.name)) visit(path);
      const asset = path.slice(0, -'.meta'.length);
      if (entry.isFile() && entry.name.endsWith('.meta') && !existsSync(asset)) orphans.push(path);
    }
  };
  visit(assetsRoot);
  return { missing, orphans };
}

/** True for a regular file (not a folder, not a link). */
export function isRegularFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

export function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
