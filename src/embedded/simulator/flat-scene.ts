/** Draws a 2D scene as its flat camera sees it: the background colour, then every sprite in its order. */
import { Canvas, type Rgb } from './canvas.js';
import type { Colour, SceneObject, Vector } from './scene.js';
import type { FindSprite, SpritePicture } from './sprite-sheets.js';
import type { FlatCamera, SpriteLook } from './sprites.js';

/** A sprite whose texture cannot be found is shown in the colour Unity has for what is missing. */
const MISSING: Rgb = [255, 0, 255];

export interface FlatView {
  readonly width: number;
  readonly height: number;
  readonly eye: Vector;
  readonly camera: FlatCamera;
}

export interface PlacedSprite {
  readonly object: SceneObject;
  readonly sprite: SpriteLook;
  readonly centre: Vector;
}

const bytesOf = (colour: Colour): Rgb => colour.map((part) => Math.round(part * 255)) as unknown as Rgb;

export function drawFlatScene(sprites: readonly PlacedSprite[], view: FlatView, find: FindSprite): Canvas {
  const canvas = new Canvas(view.width, view.height);
  for (let y = 0; y < view.height; y += 1) canvas.row(y, 0, view.width, bytesOf(view.camera.background));
  const inOrder = [...sprites].sort((a, b) => a.sprite.order - b.sprite.order || b.centre[2] - a.centre[2]);
  for (const placed of inOrder) drawSprite(canvas, placed, view, find(placed.sprite.sheet, placed.sprite.id));
  return canvas;
}

function drawSprite(
  canvas: Canvas,
  { object, sprite, centre }: PlacedSprite,
  view: FlatView,
  picture: SpritePicture | undefined,
): void {
  const perUnit = view.height / 2 / view.camera.size;
  const one = picture
    ? [picture.width / picture.pixelsPerUnit, picture.height / picture.pixelsPerUnit]
    : [1, 1];
  const [oneWidth = 1, oneHeight = 1] = one;
  const [width, height] = sprite.tiled ?? [oneWidth, oneHeight];
  const [scaleX, scaleY] = [Math.abs(object.scale[0]), Math.abs(object.scale[1])];
  const left = view.width / 2 + (centre[0] - (width * scaleX) / 2 - view.eye[0]) * perUnit;
  const top = view.height / 2 - (centre[1] + (height * scaleY) / 2 - view.eye[1]) * perUnit;
  const right = Math.min(view.width, Math.ceil(left + width * scaleX * perUnit));
  const bottom = Math.min(view.height, Math.ceil(top + height * scaleY * perUnit));
  for (let y = Math.max(0, Math.floor(top)); y < bottom; y += 1) {
    // Tiles count from the lower left, as Unity lays them.
    const v = height - (y + 0.5 - top) / perUnit / scaleY;
    if (v < 0 || v >= height) continue;
    for (let x = Math.max(0, Math.floor(left)); x < right; x += 1) {
      const u = (x + 0.5 - left) / perUnit / scaleX;
      if (u < 0 || u >= width) continue;
      const colour = picture
        ? dotAt(picture, (u % oneWidth) / oneWidth, (v % oneHeight) / oneHeight, sprite.flipped)
        : MISSING;
      if (colour) canvas.set(x, y, tinted(colour, object.colour));
    }
  }
}

/** The dot at a share of the sprite's width and height (from below); undefined where one sees through. */
function dotAt({ texture, ...rect }: SpritePicture, u: number, v: number, flipped: boolean): Rgb | undefined {
  const column = Math.min(rect.width - 1, Math.floor((flipped ? 1 - u : u) * rect.width));
  const row = rect.height - 1 - Math.min(rect.height - 1, Math.floor(v * rect.height));
  const at = ((rect.y + row) * texture.width + rect.x + column) * 4;
  if ((texture.rgba[at + 3] ?? 0) < 128) return undefined;
  return [texture.rgba[at] ?? 0, texture.rgba[at + 1] ?? 0, texture.rgba[at + 2] ?? 0];
}

const tinted = ([r, g, b]: Rgb, [red, green, blue]: Colour): Rgb => [
  Math.round(r * red),
  Math.round(g * green),
  Math.round(b * blue),
];
