/** Scenes on disk: reading the active one, and writing a changed one back as an effect. */
import { dirname } from 'node:path';
import { type Answer, failed } from '../answers.js';
import { ensureFolder, ensureMeta } from '../meta-files.js';
import { resolveAsset } from '../project-paths.js';
import { readIfThere, replaceFile, sha256 } from '../safe-write.js';
import { readScene, type SceneObject, writeScene } from '../scene.js';
import type { ToolContext } from '../tool.js';

export interface OpenScene {
  readonly path: string;
  readonly absolute: string;
  readonly bytes: Buffer;
  readonly objects: readonly SceneObject[];
}

/** The active scene, or another by path; undefined when there is no such file. */
export function openScene(context: ToolContext, path?: string): OpenScene | undefined {
  const resolved = resolveAsset(context.editor.root, path ?? context.editor.activeScene);
  const bytes = resolved.ok ? readIfThere(resolved.absolute) : undefined;
  if (!resolved.ok || bytes === undefined) return undefined;
  return {
    path: resolved.relative,
    absolute: resolved.absolute,
    bytes,
    objects: readScene(bytes.toString('utf8')),
  };
}

export function noScene(context: ToolContext, path?: string): Answer {
  return failed(`Scene file not found at '${path ?? context.editor.activeScene}'.`);
}

/** Writes objects as a scene; the file may be new. */
export function saveScene(
  context: ToolContext,
  at: { readonly path: string; readonly absolute: string; readonly bytes?: Buffer },
  objects: readonly SceneObject[],
): void {
  const text = writeScene(objects);
  const beforeSha = at.bytes === undefined ? null : sha256(at.bytes);
  context.commit({ path: at.path, beforeSha, afterSha: sha256(text) }, () => {
    ensureFolder(dirname(at.absolute), context.editor.assetsRoot);
    replaceFile(at.absolute, text);
    ensureMeta(at.absolute, false);
  });
}
