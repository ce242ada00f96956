/** The pictures of the visual novel: three places of 256 × 128 dots, two faces in two moods of 64 × 64. */
import { gradient, noise, Picture } from './picture.mjs';

const PLACE = [256, 128];

export function classroom() {
  const [width, height] = PLACE;
  const p = new Picture(width, height);
  p.fill(0, 0, width, 92, gradient(['d9b48a', 'cfa47c', 'c39470'], 92));
  p.fill(0, 92, width, 36, (x, y) =>
    (x + y * 2) % 32 === 0 || y % 9 === 0 ? '6b4433' : noise(x >> 3, y >> 1, 4) > 0.7 ? '8f5f45' : '835539',
  );
  for (const left of [18, 74, 130]) {
    p.rect(left - 2, 12, 48, 60, '5b3d33');
    p.fill(left, 14, 44, 56, gradient(['ff9a6b', 'ffb36e', 'ffcf86', 'ffe6ae'], 56));
    p.ellipse(left + 30, 50, 7, 7, 'fff4d2');
    p.rect(left, 60, 44, 10, 'a8665c');
    p.fill(left, 54, 44, 8, (x, y) => (noise(x >> 2, 0, left) * 8 > 8 - y ? 'a8665c' : undefined));
    p.rect(left + 21, 14, 2, 56, '5b3d33');
    p.rect(left, 40, 44, 2, '5b3d33');
    for (let y = 0; y < 34; y += 1) p.rect(left + 8 + y, 93 + y, 34, 1, y % 2 ? 'b87a52' : 'a66c49');
  }
  p.rect(190, 16, 58, 40, '4a3329');
  p.fill(192, 18, 54, 36, (x, y) => (noise(x >> 2, y >> 1, 8) > 0.85 ? '3f6b57' : '35594a'));
  for (const [x, y, w] of [
    [198, 25, 22],
    [198, 32, 34],
    [198, 39, 14],
  ])
    p.rect(x, y, w, 1, 'cfe3d6');
  for (const left of [10, 84, 158, 226]) {
    p.rect(left, 98, 46, 5, 'd7a066');
    p.rect(left, 103, 46, 2, '8a5a36');
    p.rect(left + 4, 105, 3, 23, '4b3a3a');
    p.rect(left + 39, 105, 3, 23, '4b3a3a');
  }
  return { picture: p, cells: ['classroom'] };
}

export function street() {
  const [width, height] = PLACE;
  const p = new Picture(width, height);
  p.fill(0, 0, width, 90, gradient(['4a3a78', '6d4a8c', '9a5c96', 'c9778f', 'ec9f86', 'f8c98f'], 90));
  p.ellipse(176, 66, 14, 14, 'ffe9b0');
  for (let x = 0; x < width; x += 22) {
    const tall = 20 + Math.floor(noise(x, 1, 3) * 26);
    p.rect(x, 90 - tall, 20, tall, '5a3f6e');
    for (let wy = 94 - tall; wy < 86; wy += 7)
      for (let wx = x + 3; wx < x + 17; wx += 6)
        p.rect(wx, wy, 3, 4, noise(wx, wy, 2) > 0.55 ? 'ffd98a' : '473159');
  }
  for (const [left, wall, roof] of [
    [0, '7d5a66', '4d2f45'],
    [196, '6e5a78', '3f2f50'],
  ]) {
    p.rect(left, 48, 60, 54, wall);
    p.fill(left - 4, 36, 68, 14, (x, y) => (x >= 12 - y && x <= 56 + y ? roof : undefined));
    p.rect(left + 8, 58, 16, 16, 'ffdf9a');
    p.rect(left + 15, 58, 2, 16, roof);
    p.rect(left + 36, 68, 16, 34, roof);
    p.rect(left + 38, 70, 12, 32, '95644f');
  }
  p.rect(0, 88, width, 12, '4d3a60');
  p.fill(0, 88, width, 12, (x, y) => (noise(x >> 2, 0, 17) * 9 > 12 - y ? '3c2d4e' : undefined));
  p.fill(0, 100, width, 28, (x, y) =>
    y < 3 ? 'a58a8e' : y === 14 && x % 28 < 16 ? 'e8d9a8' : noise(x >> 1, y, 9) > 0.85 ? '4a4356' : '534b60',
  );
  for (const x of [78, 184]) {
    p.rect(x, 40, 2, 62, '2b2238');
    p.rect(x - 4, 38, 10, 3, '2b2238');
    p.ellipse(x + 1, 43, 3, 3, 'fff0b8');
  }
  for (let x = 0; x < width; x += 1)
    p.dot(x, Math.round(30 + 6 * Math.sin((x / width) * Math.PI * 2)), '2b2238');
  return { picture: p, cells: ['street'] };
}

export function rooftop() {
  const [width, height] = PLACE;
  const p = new Picture(width, height);
  p.fill(0, 0, width, 100, gradient(['0d1030', '141a44', '1e2859', '2d3870', '47477f', '6b5a8a'], 100));
  p.fill(0, 0, width, 80, (x, y) => (noise(x, y, 21) > 0.992 ? 'dfe6ff' : undefined));
  p.ellipse(208, 22, 12, 12, 'f2ecd0');
  p.ellipse(203, 19, 11, 11, '141a44');
  for (let n = 0; n < 26; n += 1) {
    const [x, y] = [Math.floor(noise(n, 1, 5) * width), 8 + Math.floor(noise(n, 2, 6) * 72)];
    const size = noise(n, 3, 7) > 0.6 ? 3 : 2;
    p.rect(x - size - 1, y - size, size * 2 + 3, size * 2 + 2, '7a3b3f');
    p.rect(x - size, y - size, size * 2 + 1, size * 2 + 1, 'f08a3c');
    p.rect(x - 1, y - 1, 3, size + 2, 'ffe08a');
  }
  p.fill(0, 84, width, 20, (x, y) => (noise(x >> 3, 0, 12) * 18 > 18 - y ? '191a38' : undefined));
  p.fill(0, 92, width, 12, (x, y) =>
    x % 5 === 2 && y % 4 === 1 && noise(x, y, 13) > 0.6 ? 'ffcf7a' : undefined,
  );
  p.fill(0, 104, width, 24, (x, y) =>
    y < 2
      ? '6a6d8c'
      : (x + y * 3) % 40 === 0
        ? '33354f'
        : noise(x >> 2, y >> 1, 14) > 0.8
          ? '454866'
          : '3d405c',
  );
  for (let x = 0; x < width; x += 8) p.rect(x, 82, 1, 22, '7d82a6');
  for (const y of [82, 92]) p.rect(0, y, width, 1, '9298bd');
  return { picture: p, cells: ['rooftop'] };
}

const CAST = {
  mika: {
    hair: '7a2f4f',
    shade: '562040',
    skin: 'f6cfae',
    blush: 'eba08c',
    coat: '2f4f7f',
    trim: 'f4f0e6',
    long: true,
  },
  ren: {
    hair: '2c3242',
    shade: '1d212e',
    skin: 'e9bd98',
    blush: 'd99a7e',
    coat: '3d6b57',
    trim: 'e8d9a8',
    long: false,
  },
};

function face(p, x, y, { hair, shade, skin, blush, coat, trim, long }, happy) {
  const ink = '1c1726';
  if (long) p.ellipse(x + 32, y + 30, 19, 27, shade);
  p.ellipse(x + 32, y + 66, 24, 20, ink);
  p.ellipse(x + 32, y + 67, 23, 20, coat);
  p.rect(x + 27, y + 42, 10, 9, skin);
  for (let n = 0; n < 8; n += 1) p.rect(x + 25 + n, y + 48 + n, 14 - n * 2, 1, trim);
  p.rect(x + 30, y + 50, 4, 8, blush);
  p.ellipse(x + 32, y + 26, 17.4, 19.4, ink);
  p.ellipse(x + 32, y + 26, 16.4, 18.4, skin);
  p.ellipse(x + 32, y + 14, 18.5, 13, hair);
  for (const [dx, deep] of [
    [14, 16],
    [18, 11],
    [22, 8],
    [27, 10],
    [33, 7],
    [38, 10],
    [43, 9],
    [47, 16],
  ])
    p.rect(x + dx, y + 12, 4, deep, dx % 2 ? hair : shade);
  if (long) for (const dx of [13, 47]) p.rect(x + dx, y + 24, 4, 26, hair);
  for (const [dx, side] of [
    [24, 0],
    [38, 1],
  ]) {
    if (happy) {
      p.rect(x + dx - 1, y + 29, 6, 1, ink);
      p.dot(x + dx - 2, y + 30, ink);
      p.dot(x + dx + 5, y + 30, ink);
    } else {
      p.rect(x + dx - 1, y + 27, 6, 1, ink);
      p.rect(x + dx - 1, y + 28, 6, 5, 'ffffff');
      p.rect(x + dx + side, y + 28, 3, 5, ink);
      p.rect(x + dx + side, y + 31, 3, 2, hair);
      p.rect(x + dx + side, y + 29, 1, 1, 'ffffff');
    }
    p.rect(x + dx - 1 + side * 2, y + 35, 4, 1, blush);
  }
  if (happy) {
    p.rect(x + 29, y + 37, 7, 1, ink);
    p.rect(x + 30, y + 38, 5, 2, 'b8433f');
  } else {
    p.rect(x + 30, y + 38, 5, 1, ink);
  }
}

export function characters() {
  const sheet = new Picture(128, 128);
  const cells = [];
  Object.entries(CAST).forEach(([name, look], row) => {
    ['calm', 'happy'].forEach((mood, column) => {
      // Each face is drawn on its own first: it must not run into its neighbour's cell.
      const cell = new Picture(64, 64);
      face(cell, 0, 0, look, mood === 'happy');
      cell.dots.forEach((index, at) => {
        if (index === 0) return;
        const hex = cell.palette[index]
          .slice(0, 3)
          .map((part) => part.toString(16).padStart(2, '0'))
          .join('');
        sheet.dot(column * 64 + (at % 64), row * 64 + Math.floor(at / 64), hex);
      });
      cells.push(`${name}-${mood}`);
    });
  });
  return { picture: sheet, cells };
}
