/** Draws a scene as its camera sees it: sky, ground grid, every active object in its place, colour and with its name. */
import { Canvas, type Point, type Rgb, shade } from './canvas.js';
import { drawFlatScene, type PlacedSprite } from './flat-scene.js';
import type { Picture } from './png.js';
import type { Colour, SceneObject, Vector } from './scene.js';
import type { FindSprite } from './sprite-sheets.js';
import type { FlatCamera } from './sprites.js';

const SKY_TOP: Rgb = [58, 96, 150];
const SKY_BOTTOM: Rgb = [176, 200, 222];
const GROUND_FAR: Rgb = [142, 136, 124];
const GROUND_NEAR: Rgb = [92, 88, 80];
const GRID: Rgb = [120, 115, 104];
const NEAR_PLANE = 0.3;
const GRID_REACH_UNITS = 20;
const LABEL_MAX_CHARS = 24;

export interface View {
  readonly width: number;
  readonly height: number;
  /** Where the camera stands and the pitch and yaw it looks with, in degrees. */
  readonly eye: Vector;
  readonly pitch: number;
  readonly yaw: number;
  /** Of a camera without perspective: only sprites are drawn then. */
  readonly flat?: FlatCamera;
}

/** The view of a scene's camera, or the editor's own viewpoint when the scene has none. */
export function viewOf(
  objects: readonly SceneObject[],
  width: number,
  height: number,
  camera?: string,
): View {
  const cameras = objects.filter((object) => object.kind === 'Camera' && object.active);
  const chosen = cameras.find((object) => object.name === camera) ?? cameras[0];
  const [pitch, yaw] = chosen?.rotation ?? [10, 0];
  const eye = chosen?.position ?? [0, 3, -12];
  return { width, height, eye, pitch, yaw, ...(chosen?.flat ? { flat: chosen.flat } : {}) };
}

/** The same eye turned towards a point; a flat camera is moved before it. */
export function lookingAt(view: View, target: Vector): View {
  if (view.flat) return { ...view, eye: [target[0], target[1], view.eye[2]] };
  const [x, y, z] = [target[0] - view.eye[0], target[1] - view.eye[1], target[2] - view.eye[2]];
  const degrees = 180 / Math.PI;
  return { ...view, yaw: Math.atan2(x, z) * degrees, pitch: -Math.atan2(y, Math.hypot(x, z)) * degrees };
}

interface Seen {
  readonly at: Point;
  readonly depth: number;
  /** Pixels one unit takes at that depth. */
  readonly unit: number;
}

type Project = (point: Vector) => Seen | undefined;

function projector(view: View): Project {
  const focal = view.height / 2 / Math.tan(Math.PI / 6);
  const [pitch, yaw] = [(view.pitch * Math.PI) / 180, (view.yaw * Math.PI) / 180];
  return ([px, py, pz]) => {
    const [x, y, z] = [px - view.eye[0], py - view.eye[1], pz - view.eye[2]];
    const right = x * Math.cos(yaw) - z * Math.sin(yaw);
    const ahead = x * Math.sin(yaw) + z * Math.cos(yaw);
    const depth = ahead * Math.cos(pitch) - y * Math.sin(pitch);
    const up = ahead * Math.sin(pitch) + y * Math.cos(pitch);
    if (depth < NEAR_PLANE) return undefined;
    const unit = focal / depth;
    return { at: [view.width / 2 + right * unit, view.height / 2 - up * unit], depth, unit };
  };
}

export function drawScene(objects: readonly SceneObject[], view: View, find: FindSprite): Picture {
  if (view.flat) return drawFlatScene(spritesOf(objects), { ...view, camera: view.flat }, find);
  const canvas = new Canvas(view.width, view.height);
  const project = projector(view);
  drawBackground(canvas, view);
  drawGrid(canvas, project);
  const placed = objects
    .filter((object) => object.active)
    .map((object) => ({ object, centre: worldPosition(object, objects) }))
    .map((each) => ({ ...each, seen: project(each.centre) }));
  placed.sort((a, b) => (b.seen?.depth ?? 0) - (a.seen?.depth ?? 0));
  for (const { object, centre, seen } of placed) {
    if (seen !== undefined) drawObject(canvas, project, object, centre, seen);
  }
  return canvas;
}

function spritesOf(objects: readonly SceneObject[]): PlacedSprite[] {
  return objects.flatMap((object) =>
    object.active && object.sprite
      ? { object, sprite: object.sprite, centre: worldPosition(object, objects) }
      : [],
  );
}

/** Offsets of all ancestors added up (turned or scaled parents are not followed). */
function worldPosition(object: SceneObject, all: readonly SceneObject[]): Vector {
  let [x, y, z] = object.position;
  let parent = object.parent;
  for (let hops = 0; parent !== undefined && hops < all.length; hops += 1) {
    const above = all.find((other) => other.id === parent);
    if (above === undefined) break;
    [x, y, z] = [x + above.position[0], y + above.position[1], z + above.position[2]];
    parent = above.parent;
  }
  return [x, y, z];
}

function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const part = (from: number, to: number): number => Math.round(from + (to - from) * share);
  return [part(a[0], b[0]), part(a[1], b[1]), part(a[2], b[2])];
}

function drawBackground(canvas: Canvas, view: View): void {
  const focal = view.height / 2 / Math.tan(Math.PI / 6);
  const horizon = view.height / 2 - Math.tan((view.pitch * Math.PI) / 180) * focal;
  for (let y = 0; y < view.height; y += 1) {
    const sky = y < horizon;
    const share = sky ? y / Math.max(1, horizon) : (y - horizon) / Math.max(1, view.height - horizon);
    const colour = sky ? mix(SKY_TOP, SKY_BOTTOM, share) : mix(GROUND_FAR, GROUND_NEAR, Math.min(1, share));
    canvas.row(y, 0, view.width, colour);
  }
}

function drawGrid(canvas: Canvas, project: Project): void {
  const steps = GRID_REACH_UNITS * 40;
  for (let line = -GRID_REACH_UNITS; line <= GRID_REACH_UNITS; line += 2) {
    for (let step = 0; step <= steps; step += 1) {
      const along = (step / steps) * 2 * GRID_REACH_UNITS - GRID_REACH_UNITS;
      for (const point of [[line, 0, along] as const, [along, 0, line] as const]) {
        const seen = project(point);
        if (seen !== undefined) canvas.set(Math.round(seen.at[0]), Math.round(seen.at[1]), GRID);
      }
    }
  }
}

function drawObject(canvas: Canvas, project: Project, object: SceneObject, centre: Vector, seen: Seen): void {
  const colour = object.colour.map((part) =>
    Math.round(Math.max(0, Math.min(1, part)) * 255),
  ) as unknown as Rgb;
  const [sx, sy, sz] = object.scale.map(Math.abs) as unknown as Vector;
  const unit = seen.unit;
  let top = seen.at[1] - (sy * unit) / 2;
  if (object.kind === 'Cube') drawBox(canvas, project, object, centre, [sx, sy, sz], colour);
  else if (object.kind === 'Plane')
    drawBox(canvas, project, object, centre, [sx * 10, 0.02, sz * 10], colour);
  else if (object.kind === 'Quad') drawBox(canvas, project, object, centre, [sx, sy, 0.02], colour);
  else if (object.kind === 'Sphere') canvas.ball(seen.at, (sx * unit) / 2, (sy * unit) / 2, colour);
  else if (object.kind === 'Capsule' || object.kind === 'Cylinder') {
    // Unity's capsule and cylinder are two units high at scale 1.
    canvas.ball(seen.at, (sx * unit) / 2, sy * unit, colour);
    top = seen.at[1] - sy * unit;
  } else {
    canvas.ball(
      seen.at,
      Math.max(2, unit * 0.12),
      Math.max(2, unit * 0.12),
      object.kind === 'Light' ? [255, 236, 150] : [210, 210, 220],
    );
  }
  const size = Math.max(1, Math.round(canvas.height / 360));
  canvas.label(object.name.slice(0, LABEL_MAX_CHARS), seen.at[0], Math.max(size, top - 10 * size), size);
}

/** Six faces as corner numbers (bit 0 = +x, bit 1 = +y, bit 2 = +z) with how bright each is. */
const FACES: readonly (readonly [readonly number[], number])[] = [
  [[2, 3, 7, 6], 1],
  [[0, 1, 5, 4], 0.45],
  [[0, 1, 3, 2], 0.85],
  [[4, 5, 7, 6], 0.7],
  [[0, 2, 6, 4], 0.65],
  [[1, 3, 7, 5], 0.6],
];

function drawBox(
  canvas: Canvas,
  project: Project,
  object: SceneObject,
  centre: Vector,
  size: Vector,
  colour: Colour,
): void {
  const turn = (object.rotation[1] * Math.PI) / 180;
  const corners = Array.from({ length: 8 }, (_, corner) => {
    const x = ((corner & 1 ? 1 : -1) * size[0]) / 2;
    const y = ((corner & 2 ? 1 : -1) * size[1]) / 2;
    const z = ((corner & 4 ? 1 : -1) * size[2]) / 2;
    return project([
      centre[0] + x * Math.cos(turn) + z * Math.sin(turn),
      centre[1] + y,
      centre[2] - x * Math.sin(turn) + z * Math.cos(turn),
    ]);
  });
  const faces = FACES.map(([numbers, light]) => {
    const points = numbers.map((number) => corners[number]).filter((point) => point !== undefined);
    return { points, light, depth: points.reduce((sum, point) => sum + point.depth, 0) / 4 };
  });
  // At equal depth (a flat plane seen level) the brighter face is the upper one, and the eye is mostly above.
  faces.sort((a, b) => Math.round((b.depth - a.depth) * 20) || a.light - b.light);
  for (const { points, light } of faces) {
    if (points.length === 4)
      canvas.convex(
        points.map((point) => point.at),
        shade(colour, light),
      );
  }
}
