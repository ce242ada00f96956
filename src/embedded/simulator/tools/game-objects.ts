/** `manage_gameobject`: objects of the active scene. Changes go straight to the scene file, so nothing waits for a save. */
import * as z from 'zod';
import { type Answer, type Data, failed, succeeded } from '../answers.js';
import {
  type Colour,
  componentTypes,
  IDS_PER_OBJECT,
  type Kind,
  type SceneObject,
  SHAPES,
  type Vector,
} from '../scene.js';
import {
  asBoolean,
  asNumber,
  defineTool,
  looseBoolean,
  looseNumber,
  type Tool,
  type ToolContext,
} from '../tool.js';
import { noScene, type OpenScene, openScene, saveScene } from './scene-files.js';

const LIST_PAGE_DEFAULT = 100;
const LIST_PAGE_MAX = 1000;
const vectorInput = z.union([z.array(z.number()), z.record(z.string(), z.number()), z.string()]).nullish();
type VectorInput = z.output<typeof vectorInput>;

const shape = {
  action: z.enum(['create', 'modify', 'delete', 'list']),
  target: z.union([z.string(), z.number()]).nullish(),
  search_method: z.enum(['by_id', 'by_name', 'by_path']).nullish(),
  name: z.string().nullish(),
  new_name: z.string().nullish(),
  tag: z.string().nullish(),
  parent: z.union([z.string(), z.number()]).nullish(),
  position: vectorInput,
  rotation: vectorInput,
  scale: vectorInput,
  color: vectorInput,
  primitive_type: z.string().nullish(),
  set_active: looseBoolean.nullish(),
  page_size: looseNumber.nullish(),
  page_number: looseNumber.nullish(),
};
type Args = z.output<z.ZodObject<typeof shape, z.core.$strict>>;

/** `[x, y, z]`, `{x, y, z}` (or r, g, b), or either as text. */
function toVector(input: VectorInput, fallback: Vector): Vector {
  if (input === null || input === undefined) return fallback;
  if (typeof input === 'string') {
    const numbers = [...input.matchAll(/-?\d+(?:\.\d+)?(?:e-?\d+)?/gi)].map(([text]) => Number(text));
    return toVector(numbers, fallback);
  }
  const parts = Array.isArray(input)
    ? input
    : [input['x'] ?? input['r'], input['y'] ?? input['g'], input['z'] ?? input['b']];
  return [parts[0] ?? fallback[0], parts[1] ?? fallback[1], parts[2] ?? fallback[2]];
}

export function describeObject(object: SceneObject, all: readonly SceneObject[]): Data {
  return {
    name: object.name,
    instanceID: object.id,
    path: pathOf(object, all),
    tag: object.tag,
    activeSelf: object.active,
    kind: object.kind,
    transform: { position: object.position, rotation: object.rotation, scale: object.scale },
    color: object.colour,
    parentInstanceID: object.parent ?? 0,
    childCount: all.filter((other) => other.parent === object.id).length,
    componentNames: componentTypes(object),
  };
}

export function pathOf(object: SceneObject, all: readonly SceneObject[]): string {
  const names = [object.name];
  let at: SceneObject | undefined = object;
  for (let hops = 0; at?.parent !== undefined && hops < all.length; hops += 1) {
    const above: number = at.parent;
    at = all.find((other) => other.id === above);
    if (at !== undefined) names.unshift(at.name);
  }
  return names.join('/');
}

/** By instance id, path or name; the first one wins, as in Unity. */
function find(objects: readonly SceneObject[], target: string | number): SceneObject | undefined {
  const text = String(target);
  return (
    objects.find((object) => String(object.id) === text) ??
    objects.find((object) => pathOf(object, objects) === text) ??
    objects.find((object) => object.name === text)
  );
}

function kindOf(primitive: string | null | undefined): Kind | undefined {
  if (primitive === null || primitive === undefined || primitive === '') return 'Empty';
  return ([...SHAPES, 'Camera', 'Light'] as const).find(
    (kind) => kind.toLowerCase() === primitive.toLowerCase(),
  );
}

function create(context: ToolContext, scene: OpenScene, args: Args): Answer {
  const name = args.name ?? '';
  if (name === '') return failed("'name' parameter is required for 'create' action.");
  const kind = kindOf(args.primitive_type);
  if (kind === undefined) {
    return failed(`Invalid primitive type: '${args.primitive_type}'. Valid types: ${SHAPES.join(', ')}`);
  }
  const parent =
    args.parent === null || args.parent === undefined ? undefined : find(scene.objects, args.parent);
  if (parent === undefined && args.parent !== null && args.parent !== undefined && args.parent !== '') {
    return failed(`Parent specified ('${args.parent}') but not found.`);
  }
  const object: SceneObject = {
    id: Math.max(90, ...scene.objects.map(({ id }) => id)) + IDS_PER_OBJECT,
    name,
    tag: args.tag ?? 'Untagged',
    active: asBoolean(args.set_active, true),
    kind,
    parent: parent?.id,
    position: toVector(args.position, [0, 0, 0]),
    rotation: toVector(args.rotation, [0, 0, 0]),
    scale: toVector(args.scale, [1, 1, 1]),
    colour: toVector(args.color, [0.8, 0.8, 0.8]),
  };
  const objects = [...scene.objects, object];
  saveScene(context, scene, objects);
  return succeeded(`GameObject '${name}' created successfully in scene.`, describeObject(object, objects));
}

function modify(context: ToolContext, scene: OpenScene, found: SceneObject, args: Args): Answer {
  const colour: Colour = toVector(args.color, found.colour);
  const changed: SceneObject = {
    ...found,
    name: args.new_name ?? args.name ?? found.name,
    tag: args.tag ?? found.tag,
    active: asBoolean(args.set_active, found.active),
    position: toVector(args.position, found.position),
    rotation: toVector(args.rotation, found.rotation),
    scale: toVector(args.scale, found.scale),
    colour,
  };
  const objects = scene.objects.map((object) => (object.id === found.id ? changed : object));
  if (JSON.stringify(changed) === JSON.stringify(found)) {
    return succeeded(
      `No modifications applied to GameObject '${found.name}'.`,
      describeObject(found, objects),
    );
  }
  saveScene(context, scene, objects);
  return succeeded(`GameObject '${changed.name}' modified successfully.`, describeObject(changed, objects));
}

function remove(context: ToolContext, scene: OpenScene, found: SceneObject): Answer {
  const gone = new Set([found.id]);
  // Children follow their parents; ids may be in any order, so go round until nothing is added.
  for (let size = 0; size !== gone.size; ) {
    size = gone.size;
    for (const { id, parent } of scene.objects) if (parent !== undefined && gone.has(parent)) gone.add(id);
  }
  saveScene(
    context,
    scene,
    scene.objects.filter(({ id }) => !gone.has(id)),
  );
  return succeeded(`GameObject '${found.name}' deleted successfully.`, {
    deleted: [...gone].map((id) => ({ instanceID: id })),
  });
}

function list(scene: OpenScene, args: Args): Answer {
  const size = Math.min(LIST_PAGE_MAX, Math.max(1, asNumber(args.page_size, LIST_PAGE_DEFAULT)));
  const page = Math.max(1, asNumber(args.page_number, 1));
  const shown = scene.objects.slice((page - 1) * size, page * size);
  return succeeded(`Found ${scene.objects.length} GameObjects.`, {
    scene: scene.path,
    total: scene.objects.length,
    items: shown.map((object) => describeObject(object, scene.objects)),
  });
}

const manageGameObject = defineTool({
  name: 'manage_gameobject',
  description: 'Create, modify, delete or list the GameObjects of the active scene.',
  shape,
  run(context, args) {
    const scene = openScene(context);
    if (scene === undefined) return noScene(context);
    if (args.action === 'create') return create(context, scene, args);
    if (args.action === 'list') return list(scene, args);
    const target = args.target ?? args.name;
    if (target === null || target === undefined)
      return failed(`'target' parameter is required for '${args.action}'.`);
    const found = find(scene.objects, target);
    if (found === undefined)
      return failed(`Target GameObject ('${target}') not found using method 'default'.`);
    return args.action === 'modify' ? modify(context, scene, found, args) : remove(context, scene, found);
  },
});

export const gameObjectTools: readonly Tool[] = [manageGameObject];
