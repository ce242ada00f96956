/**
 * Scenes and prefabs as Unity's YAML: documents for GameObject, Transform, MeshFilter, MeshRenderer, SpriteRenderer, Camera and
 * Light that refer to each other by fileID. Only what the simulator draws and lists is read back.
 */
import {
  type FlatCamera,
  flatCameraText,
  readFlatCamera,
  readSprite,
  type SpriteLook,
  writeSprite,
} from './sprites.js';

export type Vector = readonly [number, number, number];
export type Colour = readonly [number, number, number];

export const SHAPES = ['Cube', 'Sphere', 'Capsule', 'Cylinder', 'Plane', 'Quad'] as const;
export type Shape = (typeof SHAPES)[number];
export type Kind = Shape | 'Sprite' | 'Empty' | 'Camera' | 'Light';

export interface SceneObject {
  /** Stable within its file; also the instance id that tools report. */
  readonly id: number;
  readonly name: string;
  readonly tag: string;
  readonly active: boolean;
  readonly kind: Kind;
  readonly parent: number | undefined;
  readonly position: Vector;
  readonly rotation: Vector;
  readonly scale: Vector;
  /** Red, green, blue from 0 to 1. */
  readonly colour: Colour;
  /** A `Sprite`'s. */
  readonly sprite?: SpriteLook;
  /** A `Camera`'s that sees without perspective. */
  readonly flat?: FlatCamera;
}

const HEADER = '%YAML 1.1\n%TAG !u! tag:unity3d.com,2011:\n';
/** fileIDs of Unity's built-in meshes. */
const MESH_ID: Readonly<Record<Shape, number>> = {
  Cube: 10202,
  Cylinder: 10206,
  Sphere: 10207,
  Capsule: 10208,
  Plane: 10209,
  Quad: 10210,
};
const BUILTIN = '0000000000000000e000000000000000';

/** An object's documents lie at its id and the numbers after it. */
export const IDS_PER_OBJECT = 10;
const TRANSFORM = 1;
const COMPONENT = 2;
const RENDERER = 3;

export function isShape(kind: string): kind is Shape {
  return (SHAPES as readonly string[]).includes(kind);
}

export function componentTypes(object: SceneObject): string[] {
  if (isShape(object.kind)) return ['Transform', 'MeshFilter', 'MeshRenderer'];
  if (object.kind === 'Sprite') return ['Transform', 'SpriteRenderer'];
  return object.kind === 'Empty' ? ['Transform'] : ['Transform', object.kind];
}

const vector = ([x, y, z]: Vector): string => `{x: ${x}, y: ${y}, z: ${z}}`;
const colour = ([r, g, b]: Colour): string => `{r: ${r}, g: ${g}, b: ${b}, a: 1}`;

export function writeScene(objects: readonly SceneObject[]): string {
  return HEADER + objects.map((object) => writeObject(object, objects)).join('');
}

function writeObject(object: SceneObject, all: readonly SceneObject[]): string {
  const { id } = object;
  const components = [
    TRANSFORM,
    ...(object.kind === 'Empty' ? [] : [COMPONENT]),
    ...(isShape(object.kind) ? [RENDERER] : []),
  ];
  const children = all
    .filter((other) => other.parent === id)
    .map((other) => `{fileID: ${other.id + TRANSFORM}}`);
  const owner = `  m_GameObject: {fileID: ${id}}\n`;
  return (
    `--- !u!1 &${id}\nGameObject:\n  m_Component:\n` +
    components.map((offset) => `  - component: {fileID: ${id + offset}}\n`).join('') +
    `  m_Name: ${JSON.stringify(object.name)}\n  m_TagString: ${JSON.stringify(object.tag)}\n` +
    `  m_IsActive: ${object.active ? 1 : 0}\n` +
    `--- !u!4 &${id + TRANSFORM}\nTransform:\n${owner}` +
    `  m_LocalPosition: ${vector(object.position)}\n  m_LocalScale: ${vector(object.scale)}\n` +
    `  m_LocalEulerAnglesHint: ${vector(object.rotation)}\n` +
    `  m_Children: [${children.join(', ')}]\n` +
    `  m_Father: {fileID: ${object.parent === undefined ? 0 : object.parent + TRANSFORM}}\n` +
    writeComponents(object, owner)
  );
}

function writeComponents(object: SceneObject, owner: string): string {
  const { id, kind } = object;
  if (isShape(kind)) {
    return (
      `--- !u!33 &${id + COMPONENT}\nMeshFilter:\n${owner}` +
      `  m_Mesh: {fileID: ${MESH_ID[kind]}, guid: ${BUILTIN}, type: 0}\n` +
      `--- !u!23 &${id + RENDERER}\nMeshRenderer:\n${owner}  m_Enabled: 1\n  m_Color: ${colour(object.colour)}\n`
    );
  }
  if (kind === 'Sprite' && object.sprite)
    return writeSprite(id + COMPONENT, owner, object.sprite, colour(object.colour));
  if (kind === 'Camera')
    return `--- !u!20 &${id + COMPONENT}\nCamera:\n${owner}  m_Enabled: 1\n  field of view: 60\n${object.flat ? flatCameraText(object.flat) : ''}`;
  if (kind === 'Light') {
    return `--- !u!108 &${id + COMPONENT}\nLight:\n${owner}  m_Enabled: 1\n  m_Type: 1\n  m_Color: ${colour(object.colour)}\n`;
  }
  return '';
}

interface Document {
  readonly type: string;
  readonly id: number;
  readonly fields: ReadonlyMap<string, string>;
}

function documents(text: string): Document[] {
  return text
    .split(/^--- /m)
    .slice(1)
    .map((part) => {
      const head = /^!u!\d+ &(-?\d+)[^\n]*\n(\w+):/.exec(part);
      const fields = new Map<string, string>();
      for (const [, key, value] of part.matchAll(/^ {2}([\w ]+): ?(.*)$/gm)) {
        if (key !== undefined && value !== undefined) fields.set(key, value.trim());
      }
      return { type: head?.[2] ?? '', id: Number(head?.[1] ?? 0), fields };
    });
}

const reference = (text: string | undefined): number => Number(/fileID: (-?\d+)/.exec(text ?? '')?.[1] ?? 0);

function numbers(text: string | undefined, fallback: Vector): Vector {
  const found = [...(text ?? '').matchAll(/[xyzrgb]: (-?[\d.eE+-]+)/g)].map((match) => Number(match[1]));
  const [a, b, c] = found;
  return a === undefined || b === undefined || c === undefined ? fallback : [a, b, c];
}

function plain(text: string | undefined, fallback: string): string {
  if (text === undefined) return fallback;
  if (!text.startsWith('"')) return text;
  try {
    return String(JSON.parse(text));
  } catch {
    return text;
  }
}

/** The GameObjects of a scene or prefab; documents the simulator does not know are passed over. */
export function readScene(text: string): SceneObject[] {
  const all = documents(text);
  const ownedBy = new Map<number, Document[]>();
  const ownerOf = new Map<number, number>();
  for (const document of all) {
    const owner = reference(document.fields.get('m_GameObject'));
    ownerOf.set(document.id, owner);
    ownedBy.set(owner, [...(ownedBy.get(owner) ?? []), document]);
  }
  return all
    .filter((document) => document.type === 'GameObject')
    .map((document) => {
      const parts = new Map((ownedBy.get(document.id) ?? []).map((part) => [part.type, part.fields]));
      const transform = parts.get('Transform');
      const parent = ownerOf.get(reference(transform?.get('m_Father')));
      const sprite = readSprite(parts.get('SpriteRenderer'));
      const flat = readFlatCamera(parts.get('Camera'));
      const coloured = parts.get('MeshRenderer') ?? parts.get('SpriteRenderer') ?? parts.get('Light');
      return {
        id: document.id,
        name: plain(document.fields.get('m_Name'), 'GameObject'),
        tag: plain(document.fields.get('m_TagString'), 'Untagged'),
        active: document.fields.get('m_IsActive') !== '0',
        kind: kindOf(parts),
        parent: parent === 0 ? undefined : parent,
        position: numbers(transform?.get('m_LocalPosition'), [0, 0, 0]),
        rotation: numbers(transform?.get('m_LocalEulerAnglesHint'), [0, 0, 0]),
        scale: numbers(transform?.get('m_LocalScale'), [1, 1, 1]),
        colour: numbers(coloured?.get('m_Color'), [0.8, 0.8, 0.8]),
        ...(sprite ? { sprite } : {}),
        ...(flat ? { flat } : {}),
      };
    });
}

function kindOf(parts: ReadonlyMap<string, ReadonlyMap<string, string>>): Kind {
  const mesh = reference(parts.get('MeshFilter')?.get('m_Mesh'));
  const shape = SHAPES.find((each) => MESH_ID[each] === mesh);
  if (shape !== undefined) return shape;
  if (readSprite(parts.get('SpriteRenderer'))) return 'Sprite';
  if (parts.has('Camera')) return 'Camera';
  return parts.has('Light') ? 'Light' : 'Empty';
}

/** What every new scene begins with. */
export function emptyScene(): SceneObject[] {
  const base = {
    tag: 'Untagged',
    active: true,
    parent: undefined,
    scale: [1, 1, 1],
    colour: [1, 1, 1],
  } as const;
  return [
    {
      ...base,
      id: 100,
      name: 'Main Camera',
      tag: 'MainCamera',
      kind: 'Camera',
      position: [0, 1, -10],
      rotation: [0, 0, 0],
    },
    {
      ...base,
      id: 110,
      name: 'Directional Light',
      kind: 'Light',
      position: [0, 3, 0],
      rotation: [50, -30, 0],
    },
  ];
}
