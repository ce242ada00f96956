import type { AssetDescription, PrefabDescription, PrefabObject } from '../workers/assetPort.js';
import type { Answer, GateCall } from '../workers/editor.js';
import { classify } from './classify.js';
import { cleanText, isRecord } from './cleanText.js';
import { callTool, type EditorAccess } from './editorAccess.js';
import { toolAnswerOf } from './toolAnswer.js';

const MAX_OBJECTS = 200;
const MAX_COMPONENTS = 32;
const MAX_TEXT_CHARS = 300;
/** Unity tells a hierarchy whole, and an answer above 16 MiB closes the editor's socket: larger prefabs are only counted. */
const MAX_TOLD_OBJECTS = 5_000;

export type Inspection = Answer & { readonly asset?: AssetDescription };

type Told = { readonly answer: Answer; readonly data: unknown };

/** Asks what an asset is, what its root carries, and of a prefab the object tree. Reads only. */
export async function inspectAsset(access: EditorAccess, path: string, call: GateCall): Promise<Inspection> {
  const info = await ask(access, 'manage_asset', { action: 'get_info', path }, call);
  if (info.answer.kind !== 'done') return absentOr(info.answer, path);
  const asset = describe(path, info.data);
  if (asset.assetType !== GAME_OBJECT) return { ...info.answer, asset };
  const found = await ask(access, 'manage_asset', { action: 'get_components', path }, call);
  // What loads as something else after all has none: that is an answer too.
  if (found.answer.kind !== 'done' && found.answer.kind !== 'refused') return found.answer;
  const components = found.answer.kind === 'done' ? componentsIn(found.data) : [];
  if (!path.toLowerCase().endsWith('.prefab')) return { ...info.answer, asset: { ...asset, components } };
  const prefab = await askPrefab(access, path, call);
  if ('kind' in prefab) return prefab;
  return { ...info.answer, asset: { ...asset, components, prefab: prefab.prefab } };
}

const GAME_OBJECT = 'UnityEngine.GameObject';

async function askPrefab(
  access: EditorAccess,
  path: string,
  call: GateCall,
): Promise<Answer | { readonly prefab: PrefabDescription }> {
  const about = await ask(access, 'manage_prefabs', { action: 'get_info', prefab_path: path }, call);
  if (about.answer.kind !== 'done') return about.answer;
  const data = recordOf(about.data);
  const kind = text(data['prefabType']);
  const parent = text(data['parentPrefab']) || null;
  const totalObjects = 1 + count(data['childCount']);
  if (totalObjects > MAX_TOLD_OBJECTS) return { prefab: { kind, parent, totalObjects, objects: [] } };
  const tree = await ask(access, 'manage_prefabs', { action: 'get_hierarchy', prefab_path: path }, call);
  if (tree.answer.kind !== 'done') return tree.answer;
  const { items, total } = recordOf(tree.data);
  const objects = Array.isArray(items) ? items.slice(0, MAX_OBJECTS).map(objectOf) : [];
  return { prefab: { kind, parent, totalObjects: Math.max(count(total), objects.length), objects } };
}

async function ask(
  access: EditorAccess,
  tool: string,
  args: Readonly<Record<string, unknown>>,
  call: GateCall,
): Promise<Told> {
  const reply = await callTool(access, tool, args, call, access.timeouts.readMs);
  const answer = classify(reply);
  const data = reply.kind === 'result' ? toolAnswerOf(reply.result).body?.['data'] : undefined;
  return { answer, data };
}

/** Unity's sentence for "no such file"; whatever else went wrong stays what it is. */
function absentOr(answer: Answer, path: string): Answer {
  const said = answer.kind === 'refused' ? answer.message : answer.kind === 'unknown' ? answer.reason : '';
  if (!/^Asset not found\b/.test(said)) return answer;
  return { kind: 'refused', code: 'asset_not_found', message: `there is no asset at ${path}` };
}

function describe(path: string, told: unknown): AssetDescription {
  const data = recordOf(told);
  const guid = text(data['guid']);
  return {
    path,
    guid: /^[0-9a-f]{32}$/.test(guid) ? guid : null,
    assetType: text(data['assetType']) || 'unknown',
    name: text(data['name']),
    isFolder: data['isFolder'] === true,
  };
}

function objectOf(told: unknown): PrefabObject {
  const data = recordOf(told);
  return {
    path: text(data['path']) || text(data['name']),
    active: data['activeSelf'] !== false,
    components: componentsIn(data['componentTypes']),
    children: count(data['childCount']),
  };
}

/** Names as they are, or records that carry one. */
function componentsIn(told: unknown): string[] {
  if (!Array.isArray(told)) return [];
  return told
    .slice(0, MAX_COMPONENTS)
    .map((item) => text(isRecord(item) ? item['typeName'] : item))
    .filter((name) => name !== '');
}

const recordOf = (value: unknown): Readonly<Record<string, unknown>> => (isRecord(value) ? value : {});
const text = (value: unknown): string => cleanText(value, MAX_TEXT_CHARS);
const count = (value: unknown): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
