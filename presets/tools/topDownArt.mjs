/** The pictures of the top-down action game. Cells of 16 dots. */
import { noise, Picture } from './picture.mjs';

const INK = '17131f';
const COLOURS = {
  k: INK,
  c: '3f8f6b',
  C: '2c6650',
  s: 'f0c39b',
  h: '6a3f2a',
  e: '241a2e',
  b: '8d6a4a',
  m: 'c9d3e0',
  w: 'ffffff',
  g: '79d14f',
  G: '4c9c3c',
  d: '2f6b31',
};

const step = (rows, feet) => [...rows, ...feet];
const DOWN = [
  '................',
  '.....kkk',
  '....kccc',
  '...kcccc',
  '...kchhh',
  '...khsss',
  '...khses',
  '...kksss',
  '....kkss',
  '...kcccc',
  '..kscCcc',
  '..ksccmc',
  '..kkcccc',
];
const UP = [
  '................',
  '.....kkk',
  '....kccc',
  '...kcccc',
  '...kcccc',
  '...kcccc',
  '...kcccc',
  '...kkccc',
  '....kkcc',
  '...kcccC',
  '..kscccC',
  '..kscccC',
  '..kkccCC',
];
const SIDE = [
  '................',
  '.....kkkkkk.....',
  '....kcccccck....',
  '...kcccccccck...',
  '...kccchhhhk....',
  '...kcchsssskk...',
  '...kcchssesk....',
  '...kkkhssssk....',
  '....kkkssskk....',
  '....kccccck.....',
  '....kccsscmk....',
  '....kccsscmk....',
  '....kkccckk.....',
];
const CELLS = {
  'hero-down-0': step(DOWN, ['...kCCCC', '...kbbkC', '....kk.k']),
  'hero-down-1': step(DOWN, ['...kCCCCCCCCk...', '....kkkkkkbbk...', '..........kk....']),
  'hero-up-0': step(UP, ['...kCCCC', '...kbbkC', '....kk.k']),
  'hero-up-1': step(UP, ['...kCCCCCCCCk...', '...kbbkkkkkk....', '....kk..........']),
  'hero-side-0': step(SIDE, ['.....kCCCk......', '.....kbbbbk.....', '.....kkkkkk.....']),
  'hero-side-1': step(SIDE, ['....kCCkCCk.....', '...kbbk.kbbk....', '...kkk...kkk....']),
  'slime-0': [
    '................',
    '................',
    '................',
    '................',
    '................',
    '......kk',
    '....kkgg',
    '...kggww',
    '..kggwgg',
    '..kggggg',
    '.kgggegg',
    '.kgggegg',
    '.kgggggg',
    '.kGggggg',
    '..kGGGGG',
    '...kkkkk',
  ],
  'slime-1': [
    '................',
    '................',
    '................',
    '................',
    '................',
    '................',
    '................',
    '.....kkk',
    '...kkggg',
    '..kggwwg',
    '.kggggegg'.slice(0, 8),
    'kgggegg'.padEnd(8, 'g'),
    'kggggggg',
    'kGGggggg',
    '.kGGGGGG',
    '..kkkkkk',
  ],
};

export function characters() {
  const sheet = new Picture(128, 128);
  Object.values(CELLS).forEach((rows, index) => {
    sheet.sprite((index % 8) * 16, Math.floor(index / 8) * 16, rows.slice(0, 16), COLOURS);
  });
  return { picture: sheet, cells: Object.keys(CELLS) };
}

const TILES = {
  floor: (p, x, y) =>
    p.fill(x, y, 16, 16, (dx, dy) =>
      dx === 15 || dy === 15
        ? '2a2536'
        : dx === 0 || dy === 0
          ? '453d56'
          : noise(dx >> 1, dy >> 1, 11) > 0.84
            ? '352f45'
            : '3b344b',
    ),
  wall: (p, x, y) =>
    p.fill(x, y, 16, 16, (dx, dy) => {
      const row = Math.floor(dy / 5);
      const joint = (dx + row * 4) % 8 === 7;
      if (dy > 14 || joint || dy % 5 === 4) return '2b2030';
      return dy % 5 === 0 ? 'b58a78' : noise(dx >> 2, row, 3) > 0.6 ? '8d6460' : '9c7068';
    }),
  portal: (p, x, y) =>
    p.fill(x, y, 16, 16, (dx, dy) => {
      const reach = Math.hypot(dx - 7.5, dy - 7.5);
      if (reach > 7.5) return undefined;
      return reach > 6.3
        ? '7a3fb0'
        : ['c48bff', '8f52d1', '4c2380'][Math.floor(reach + Math.atan2(dy - 7.5, dx - 7.5) + 4) % 3];
    }),
  bolt: (p, x, y) => {
    p.ellipse(x + 9, y + 7.5, 3.4, 2.6, 'ff9d2e');
    p.ellipse(x + 10, y + 7.5, 2.2, 1.6, 'fff1b0');
    p.rect(x + 2, y + 7, 4, 2, 'd9542b');
  },
};

export function tiles() {
  const sheet = new Picture(128, 128);
  Object.values(TILES).forEach((draw, index) => {
    draw(sheet, index * 16, 0);
  });
  return { picture: sheet, cells: Object.keys(TILES) };
}
