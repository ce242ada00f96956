/** A small canvas of palette colours. Coordinates are dots from the upper left; what lies outside is not drawn. */
const hexColour = (hex) => [
  ...[0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)),
  hex.length > 6 ? Number.parseInt(hex.slice(6, 8), 16) : 255,
];

/** The same number for the same place, from 0 to 1: noise that is alike on every machine. */
export function noise(x, y, seed = 0) {
  let n = (x * 374761393 + y * 668265263 + seed * 2147483647) | 0;
  n = Math.imul(n ^ (n >>> 13), 1274126177);
  return ((n ^ (n >>> 16)) >>> 0) / 4294967296;
}

export class Picture {
  constructor(width, height) {
    this.width = width;
    this.height = height;
    this.palette = [[0, 0, 0, 0]];
    this.dots = new Uint8Array(width * height);
    this.known = new Map([['00000000', 0]]);
  }

  dot(x, y, hex) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return;
    let index = this.known.get(hex);
    if (index === undefined) {
      index = this.palette.push(hexColour(hex)) - 1;
      if (index > 255) throw new RangeError('more than 256 colours');
      this.known.set(hex, index);
    }
    this.dots[Math.floor(y) * this.width + Math.floor(x)] = index;
  }

  rect(x, y, width, height, hex) {
    for (let dy = 0; dy < height; dy += 1)
      for (let dx = 0; dx < width; dx += 1) this.dot(x + dx, y + dy, hex);
  }

  /** Every dot of an area by a function of its place; `undefined` leaves it. */
  fill(x, y, width, height, colourAt) {
    for (let dy = 0; dy < height; dy += 1)
      for (let dx = 0; dx < width; dx += 1) {
        const hex = colourAt(dx, dy);
        if (hex !== undefined) this.dot(x + dx, y + dy, hex);
      }
  }

  ellipse(cx, cy, rx, ry, hex) {
    for (let y = Math.floor(cy - ry); y <= cy + ry; y += 1)
      for (let x = Math.floor(cx - rx); x <= cx + rx; x += 1)
        if (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1) this.dot(x, y, hex);
  }

  /** Rows of letters, each a colour of `colours`; "." stays clear. Rows of half the cell's width are mirrored. */
  sprite(x, y, rows, colours, cell = 16) {
    rows.forEach((row, dy) => {
      const whole = row.length === cell ? row : row + [...row].reverse().join('');
      [...whole].forEach((letter, dx) => {
        if (letter !== '.') this.dot(x + dx, y + dy, colours[letter]);
      });
    });
  }
}

/** From one colour to another in steps, with a dithered edge between them. */
export function gradient(hexes, height) {
  return (x, y) => {
    const place = (y / height) * (hexes.length - 1);
    const step = Math.floor(place);
    const dither = [0.2, 0.7, 0.9, 0.4][(x % 2) + 2 * (y % 2)];
    return hexes[Math.min(hexes.length - 1, step + (place - step > dither ? 1 : 0))];
  };
}
