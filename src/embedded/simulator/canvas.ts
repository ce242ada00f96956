/** A picture one can draw on: pixels, convex polygons, discs and small text. Colours are 0–255. */
import { GLYPH_HEIGHT, GLYPH_WIDTH, glyphRows } from './glyphs.js';
import type { Picture } from './png.js';

export type Rgb = readonly [number, number, number];
export type Point = readonly [number, number];

export class Canvas implements Picture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.rgb = new Uint8Array(width * height * 3);
  }

  set(x: number, y: number, colour: Rgb): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    this.rgb.set(colour, (y * this.width + x) * 3);
  }

  /** Pixels [from, to) of a row, clipped. */
  row(y: number, from: number, to: number, colour: Rgb): void {
    if (y < 0 || y >= this.height) return;
    const start = Math.max(0, Math.round(from));
    const end = Math.min(this.width, Math.round(to));
    for (let x = start, at = (y * this.width + start) * 3; x < end; x += 1, at += 3) {
      this.rgb[at] = colour[0];
      this.rgb[at + 1] = colour[1];
      this.rgb[at + 2] = colour[2];
    }
  }

  convex(points: readonly Point[], colour: Rgb): void {
    const ys = points.map(([, y]) => y);
    const top = Math.max(0, Math.floor(Math.min(...ys)));
    const bottom = Math.min(this.height - 1, Math.ceil(Math.max(...ys)));
    for (let y = top; y <= bottom; y += 1) {
      let left = Number.POSITIVE_INFINITY;
      let right = Number.NEGATIVE_INFINITY;
      points.forEach(([ax, ay], index) => {
        const [bx, by] = points[(index + 1) % points.length] ?? [ax, ay];
        const level = y + 0.5;
        if (ay <= level === by <= level) return;
        const x = ax + ((level - ay) / (by - ay)) * (bx - ax);
        left = Math.min(left, x);
        right = Math.max(right, x);
      });
      if (left < right) this.row(y, left, right, colour);
    }
  }

  /** An ellipse lit from the upper left. */
  ball(centre: Point, radiusX: number, radiusY: number, colour: Rgb): void {
    const [cx, cy] = centre;
    const top = Math.max(0, Math.floor(cy - radiusY));
    const bottom = Math.min(this.height - 1, Math.ceil(cy + radiusY));
    const from = Math.max(0, Math.floor(cx - radiusX));
    const to = Math.min(this.width - 1, Math.ceil(cx + radiusX));
    for (let y = top; y <= bottom; y += 1) {
      for (let x = from; x <= to; x += 1) {
        const dx = (x + 0.5 - cx) / radiusX;
        const dy = (y + 0.5 - cy) / radiusY;
        const distance = dx * dx + dy * dy;
        if (distance > 1) continue;
        const facing = Math.sqrt(1 - distance);
        this.set(x, y, shade(colour, 0.45 + 0.55 * Math.max(0, facing * 0.7 - dx * 0.4 - dy * 0.6)));
      }
    }
  }

  /** Text centred on x, its top at y, each glyph pixel `size` wide, on a dark plate so that it reads anywhere. */
  label(text: string, x: number, y: number, size: number): void {
    const advance = (GLYPH_WIDTH + 1) * size;
    const width = text.length * advance + size;
    const left = Math.round(x - width / 2);
    const top = Math.round(y);
    for (let line = top - size; line < top + (GLYPH_HEIGHT + 1) * size; line += 1) {
      this.row(line, left, left + width, [24, 26, 30]);
    }
    [...text].forEach((char, index) => {
      glyphRows(char).forEach((bits, row) => {
        for (let column = 0; column < GLYPH_WIDTH; column += 1) {
          if ((bits & (1 << (GLYPH_WIDTH - 1 - column))) === 0) continue;
          const from = left + size + index * advance + column * size;
          for (let dy = 0; dy < size; dy += 1)
            this.row(top + row * size + dy, from, from + size, [238, 238, 238]);
        }
      });
    });
  }
}

export function shade([r, g, b]: Rgb, factor: number): Rgb {
  const clamp = (value: number): number => Math.max(0, Math.min(255, Math.round(value * factor)));
  return [clamp(r), clamp(g), clamp(b)];
}
