import { sha256 } from '../core/ids.js';
import type { ChangePlan, FileChange, FileContent } from '../workers/editor.js';
import type { PlannedStep } from './steps.js';

/** What Unity's model importer takes; it names the file by its own lower-case extension. */
const MODEL = /\.(?:fbx|obj|glb)$/;

/**
 * The step from one content of an asset to another: its bytes lie in the project folder beside Unity, for they never travel through
 * MCP. Pure, so a worker that takes over plans the same from the stored images. A model that is new goes through Unity's model importer;
 * one that was there before comes back with its `.meta`, which holds what the importer had settled.
 */
export function planAssetChange(change: FileChange): ChangePlan {
  const { path, before, after } = change;
  if (!path.startsWith('Assets/') || path.endsWith('.meta'))
    return { ok: false, code: 'bad_asset_path', message: `"${path}" is no asset under Assets/` };
  const waypoints = [shaOf(before), shaOf(after)] as const;
  if (waypoints[0] === waypoints[1]) return { ok: true, steps: [], waypoints: [waypoints[0]] };
  return { ok: true, steps: [stepOf(change, waypoints[0])], waypoints };
}

function stepOf({ path, before, after, restore }: FileChange, beforeSha: string): PlannedStep {
  if (after === null) return { kind: 'delete_asset', tool: 'manage_asset', path, beforeSha };
  const { bytes, meta } = after;
  const isNew = before === null && meta === null && restore !== true;
  if (isNew && MODEL.test(path)) return { kind: 'import_model', tool: 'import_model_file', path, bytes };
  const metaBefore = before?.meta ?? null;
  const file = { path, beforeSha, bytes, meta, metaBefore };
  return { kind: 'stage', tool: 'manage_asset', takesNotice: true, ...file };
}

function shaOf(content: FileContent | null): string {
  return content === null ? '' : sha256(content.bytes);
}
