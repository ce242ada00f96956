/** Assets of any type by path: import, create, move, delete, find, describe. */
import { copyFileSync, existsSync, lstatSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, join, relative } from 'node:path';
import { type Answer, type Data, failed, succeeded } from '../answers.js';
import {
  assetsBelow,
  ensureFolder,
  ensureMeta,
  guidOf,
  isFolder,
  metaPath,
  removeMeta,
} from '../meta-files.js';
import { type Resolved, resolveAsset } from '../project-paths.js';
import { replaceFile, sha256, shaOfFile } from '../safe-write.js';
import { componentTypes, readScene } from '../scene.js';
import type { ToolContext } from '../tool.js';

type Asset = Extract<Resolved, { ok: true }>;

const TYPES: Readonly<Record<string, string>> = {
  '.cs': 'UnityEditor.MonoScript',
  '.unity': 'UnityEditor.SceneAsset',
  '.prefab': 'UnityEngine.GameObject',
  '.fbx': 'UnityEngine.GameObject',
  '.obj': 'UnityEngine.GameObject',
  '.glb': 'UnityEngine.GameObject',
  '.gltf': 'UnityEngine.GameObject',
  '.mat': 'UnityEngine.Material',
  '.physicmaterial': 'UnityEngine.PhysicsMaterial',
  '.png': 'UnityEngine.Texture2D',
  '.jpg': 'UnityEngine.Texture2D',
  '.jpeg': 'UnityEngine.Texture2D',
  '.gif': 'UnityEngine.Texture2D',
  '.bmp': 'UnityEngine.Texture2D',
  '.tga': 'UnityEngine.Texture2D',
  '.psd': 'UnityEngine.Texture2D',
  '.tif': 'UnityEngine.Texture2D',
  '.tiff': 'UnityEngine.Texture2D',
  '.ttf': 'UnityEngine.Font',
  '.otf': 'UnityEngine.Font',
  '.wav': 'UnityEngine.AudioClip',
  '.ogg': 'UnityEngine.AudioClip',
  '.mp3': 'UnityEngine.AudioClip',
  '.txt': 'UnityEngine.TextAsset',
  '.json': 'UnityEngine.TextAsset',
  '.csv': 'UnityEngine.TextAsset',
};
const MODEL_EXTENSIONS = ['.fbx', '.obj', '.glb', '.gltf', '.zip'];
const NAME_TRIES_MAX = 1000;
/** What Windows takes in no file name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among them
const NOT_IN_NAMES = /[<>:"/\\|?*\u0000-\u001f]/g;

/** The file or folder is there and imported: it has a `.meta`. */
const isImported = (asset: Asset): boolean =>
  existsSync(asset.absolute) && existsSync(metaPath(asset.absolute));

export function describe(asset: Asset): Data {
  const folder = isFolder(asset.absolute);
  const guid = guidOf(asset.absolute) ?? '';
  const type = folder ? 'UnityEditor.DefaultAsset' : TYPES[extname(asset.relative).toLowerCase()];
  return {
    path: asset.relative,
    guid,
    assetType: type ?? 'UnityEditor.DefaultAsset',
    name: basename(asset.relative, extname(asset.relative)),
    fileName: basename(asset.relative),
    isFolder: folder,
    instanceID: Number.parseInt(guid.slice(0, 7) || '0', 16),
    lastWriteTimeUtc: lstatSync(asset.absolute).mtime.toISOString(),
  };
}

const shaOf = (asset: Asset): string | null => (isFolder(asset.absolute) ? null : shaOfFile(asset.absolute));

/** Imports a file that lies under Assets already; only the first import changes anything (it makes the `.meta`). */
export function importAsset(context: ToolContext, asset: Asset): Answer {
  if (!existsSync(asset.absolute)) return failed(`Asset not found at path: ${asset.relative}`);
  if (!isImported(asset)) {
    const sha = shaOf(asset);
    context.commit({ path: asset.relative, beforeSha: sha, afterSha: sha }, () => {
      ensureParents(context, asset);
      ensureMeta(asset.absolute, isFolder(asset.absolute));
    });
  }
  return succeeded(`Asset '${asset.relative}' reimported.`, describe(asset));
}

/** Parents that were made outside the editor get their `.meta` too. */
function ensureParents(context: ToolContext, asset: Asset): void {
  const { assetsRoot } = context.editor;
  for (let at = dirname(asset.absolute); at.startsWith(`${assetsRoot}/`); at = dirname(at))
    ensureMeta(at, true);
}

export function createFolder(context: ToolContext, asset: Asset): Answer {
  if (isFolder(asset.absolute)) {
    return succeeded(`Folder already exists at path: ${asset.relative}`, describe(asset));
  }
  if (existsSync(asset.absolute)) {
    return failed(`An asset (not a folder) already exists at path: ${asset.relative}`);
  }
  context.commit({ path: asset.relative, beforeSha: null, afterSha: null }, () =>
    ensureFolder(asset.absolute, context.editor.assetsRoot),
  );
  return succeeded(`Folder '${asset.relative}' created successfully.`, describe(asset));
}

export function createAsset(context: ToolContext, asset: Asset, type: string, properties: unknown): Answer {
  if (type === '') return failed("'assetType' is required for create.");
  if (existsSync(asset.absolute)) return failed(`Asset already exists at path: ${asset.relative}`);
  const kind = type.toLowerCase();
  if (kind === 'folder') return createFolder(context, asset);
  if (!['material', 'physicsmaterial', 'physicmaterial'].includes(kind)) {
    return failed(
      `Creation for asset type '${type}' is not explicitly supported yet. Supported: Folder, Material, PhysicsMaterial.`,
    );
  }
  const yamlType = kind === 'material' ? 'Material' : 'PhysicsMaterial';
  const name = basename(asset.relative, extname(asset.relative));
  const text =
    `%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n--- !u!21 &2100000\n${yamlType}:\n` +
    `  m_Name: ${JSON.stringify(name)}\n  m_Properties: ${JSON.stringify(properties ?? {})}\n`;
  context.commit({ path: asset.relative, beforeSha: null, afterSha: sha256(text) }, () => {
    ensureFolder(dirname(asset.absolute), context.editor.assetsRoot);
    replaceFile(asset.absolute, text);
    ensureMeta(asset.absolute, false);
  });
  return succeeded(`Asset '${asset.relative}' created successfully.`, describe(asset));
}

export function deleteAsset(context: ToolContext, asset: Asset): Answer {
  if (asset.relative === 'Assets' || !existsSync(asset.absolute)) {
    return failed(`Asset not found at path: ${asset.relative}`);
  }
  context.commit({ path: asset.relative, beforeSha: shaOf(asset), afterSha: null }, () => {
    rmSync(asset.absolute, { recursive: true });
    removeMeta(asset.absolute);
  });
  return succeeded(`Asset '${asset.relative}' deleted successfully.`);
}

export function moveAsset(context: ToolContext, asset: Asset, destination: string): Answer {
  if (asset.relative === 'Assets' || !existsSync(asset.absolute)) {
    return failed(`Source asset not found at path: ${asset.relative}`);
  }
  if (destination === '') return failed("'path' and 'destination' are required for move/rename.");
  const target = resolveAsset(context.editor.root, destination);
  if (!target.ok) return target.answer;
  if (existsSync(target.absolute))
    return failed(`An asset already exists at the destination path: ${target.relative}`);
  if (`${target.relative}/`.startsWith(`${asset.relative}/`)) {
    return failed(
      `Failed to call MoveAsset from '${asset.relative}' to '${target.relative}': a folder into itself`,
    );
  }
  const sha = shaOf(asset);
  context.commit({ path: target.relative, beforeSha: sha, afterSha: sha }, () => {
    ensureFolder(dirname(target.absolute), context.editor.assetsRoot);
    // The .meta goes first: a kill in between leaves the asset at its old place, with its identity ready at the new.
    if (existsSync(metaPath(asset.absolute))) renameSync(metaPath(asset.absolute), metaPath(target.absolute));
    renameSync(asset.absolute, target.absolute);
    ensureMeta(target.absolute, isFolder(target.absolute));
  });
  return succeeded(`Asset moved/renamed from '${asset.relative}' to '${target.relative}'.`, describe(target));
}

export interface Search {
  readonly pattern: string;
  readonly type: string;
  readonly pageSize: number;
  readonly pageNumber: number;
}

export function searchAssets(context: ToolContext, scope: Asset, search: Search): Answer {
  const { root } = context.editor;
  const below = isFolder(scope.absolute) ? assetsBelow(scope.absolute) : [];
  // Unity's patterns: words, `*` and `t:Type`.
  const typed = /(?:^|\s)t:(\w+)/.exec(search.pattern)?.[1] ?? search.type;
  const words = search.pattern
    .replace(/(?:^|\s)t:\w+/, '')
    .replaceAll('*', ' ')
    .toLowerCase()
    .split(/\s+/);
  const matches = below
    .map(
      ({ path }): Asset => ({
        ok: true,
        relative: relative(root, path).replaceAll('\\', '/'),
        absolute: path,
      }),
    )
    .filter((asset) => existsSync(metaPath(asset.absolute)))
    .map(describe)
    .filter((data) => words.every((word) => String(data['fileName']).toLowerCase().includes(word)))
    .filter((data) => typed === '' || String(data['assetType']).toLowerCase().endsWith(typed.toLowerCase()));
  const first = (search.pageNumber - 1) * search.pageSize;
  const page = matches.slice(first, first + search.pageSize);
  return succeeded(
    `Found ${matches.length} asset(s). Returning page ${search.pageNumber} (${page.length} assets).`,
    { totalAssets: matches.length, pageSize: search.pageSize, pageNumber: search.pageNumber, assets: page },
  );
}

export function assetInfo(asset: Asset): Answer {
  if (!isImported(asset)) return failed(`Asset not found at path: ${asset.relative}`);
  return succeeded('Asset info retrieved.', describe(asset));
}

/** The components on the root object of a prefab, or of what the model importer makes of a model. */
export function assetComponents(asset: Asset): Answer {
  if (!isImported(asset)) return failed(`Asset not found at path: ${asset.relative}`);
  const extension = extname(asset.relative).toLowerCase();
  if (MODEL_EXTENSIONS.includes(extension))
    return componentList(asset, ['Transform', 'MeshFilter', 'MeshRenderer'], 100_000);
  const root = readScene(readFileSync(asset.absolute, 'utf8')).find((object) => object.parent === undefined);
  if (extension !== '.prefab' || root === undefined) {
    return failed(
      `Asset at '${asset.relative}' is not a GameObject (Type: ${String(describe(asset)['assetType'])}).`,
    );
  }
  return componentList(asset, componentTypes(root), root.id);
}

function componentList(asset: Asset, names: readonly string[], id: number): Answer {
  const components = names.map((name, index) => ({
    typeName: `UnityEngine.${name}`,
    instanceID: id + 1 + index,
  }));
  return {
    success: true,
    message: `Found ${components.length} component(s) on asset '${asset.relative}'.`,
    data: components,
  };
}

/** Copies a model from anywhere on the editor's disk into Assets; a taken name gets `_1`, `_2`, … */
export function importModel(context: ToolContext, source: string, name: string, folder: string): Answer {
  const { root, assetsRoot } = context.editor;
  const from = isAbsolute(source) ? source : join(root, source);
  if (lstatSync(from, { throwIfNoEntry: false })?.isFile() !== true)
    return failed(`Source file not found: ${source}`);
  const extension = extname(from).toLowerCase();
  if (!MODEL_EXTENSIONS.includes(extension)) {
    return failed(`Unsupported model format '${extension}'. Supported: ${MODEL_EXTENSIONS.join(', ')}.`);
  }
  const stem = (name === '' ? basename(from, extname(from)) : name).replace(NOT_IN_NAMES, '_').trim();
  for (let tries = 0; tries < NAME_TRIES_MAX; tries += 1) {
    const target = resolveAsset(root, `${folder}/${stem}${tries === 0 ? '' : `_${tries}`}${extension}`);
    if (!target.ok) return target.answer;
    if (existsSync(target.absolute)) continue;
    context.commit({ path: target.relative, beforeSha: null, afterSha: shaOfFile(from) }, () => {
      ensureFolder(dirname(target.absolute), assetsRoot);
      const half = `${target.absolute}.${process.pid}.tmp~`;
      copyFileSync(from, half);
      renameSync(half, target.absolute);
      ensureMeta(target.absolute, false);
    });
    return succeeded(`Imported model to '${target.relative}'.`, {
      asset_path: target.relative,
      asset_guid: guidOf(target.absolute) ?? '',
    });
  }
  return failed(`No free name for '${stem}${extension}' in '${folder}'.`);
}

/** What Unity's asset refresh does: imports what was put there from outside, drops `.meta` files without an asset. */
export function refreshAssets(
  context: ToolContext,
  drift: { missing: { path: string; isFolder: boolean }[]; orphans: string[] },
): void {
  if (drift.missing.length + drift.orphans.length === 0) return;
  context.commit({ path: 'Assets', beforeSha: null, afterSha: null }, () => {
    for (const { path, isFolder: folder } of drift.missing) ensureMeta(path, folder);
    for (const orphan of drift.orphans) rmSync(orphan, { force: true });
  });
}
