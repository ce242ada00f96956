/** The pictures of the 2D platformer. Cells of 16 dots. */
import { gradient, noise, Picture } from './picture.mjs';

const INK = '1b1626';
const HERO = {
  k: INK,
  r: '2a9d8f',
  R: '1d6f68',
  s: 'f2c69a',
  b: '7a5aa8',
  B: '57407d',
  h: '5b3423',
  w: 'ffffff',
  g: '6f4a2f',
};

const HEAD = [
  '......kkkkkk....',
  '.....krrrrrrk...',
  '....krrrrrrrrk..',
  '....kRRRkkkkkkk.',
  '....khhsskskk...',
  '....khsssksk....',
  '.....kssssk.....',
];
const POSES = {
  'idle-0': [
    ...HEAD,
    '....kkrrrkk.....',
    '...krrbrrbrk....',
    '...kskbbbbsk....',
    '...kskbbbbsk....',
    '....kkbbbbk.....',
    '.....kbkkbk.....',
    '.....kbkkbk.....',
    '....kggkkggk....',
    '....kkkkkkkk....',
  ],
  'idle-1': [
    '................',
    ...HEAD,
    '...kkrrbrrkk....',
    '...kskbbbbsk....',
    '...kskbbbbsk....',
    '....kkbbbbk.....',
    '.....kbkkbk.....',
    '.....kbkkbk.....',
    '....kggkkggk....',
    '....kkkkkkkk....',
  ],
  'run-0': [
    ...HEAD,
    '....kkrrrkk.....',
    '...ksrbrrbrsk...',
    '...kkkbbbbkk....',
    '.....kbbbbk.....',
    '....kbbbbbbk....',
    '..kkbbkkkbbk....',
    '..kggk..kbbkk...',
    '..kkk...kgggk...',
    '........kkkkk...',
  ],
  'run-1': [
    ...HEAD,
    '....kkrrrkk.....',
    '....krbrrbk.....',
    '....kskbbsk.....',
    '....kskbbsk.....',
    '.....kbbbbk.....',
    '.....kbbbk......',
    '.....kkbbk......',
    '.....kgggk......',
    '.....kkkkk......',
  ],
  'jump-0': [
    '.............kk.',
    ...HEAD.map((row, index) => (index === 0 ? '......kkkkkk.ks.' : row)),
    '..kkkkrrrkkrk...',
    '.ksrrrbrrbrk....',
    '.kkkkkbbbbk.....',
    '....kbbbbbbk....',
    '...kbbkkkbbk....',
    '..kggk..kbgk....',
    '..kkk...kgk.....',
    '.........k......',
  ],
};

export function characters() {
  const sheet = new Picture(128, 128);
  Object.values(POSES).forEach((rows, index) => {
    sheet.sprite((index % 8) * 16, Math.floor(index / 8) * 16, rows.slice(0, 16), HERO);
  });
  return { picture: sheet, cells: Object.keys(POSES) };
}

const earth = (x, y) =>
  noise(x, y, 1) > 0.86 ? '5a3a2a' : noise(x >> 1, y >> 1, 2) > 0.75 ? '8a5b3c' : '734a33';

const COIN = [
  [
    '................',
    '................',
    '.....kkk',
    '....kyyy',
    '...kyyww',
    '...kywyy',
    '..kyywyk',
    '..kyywyk',
    '..kyywyk',
    '..kyywyk',
    '...kywyy',
    '...kyyyy',
    '....kyyo',
    '.....kkk',
    '................',
    '................',
  ],
  [
    '................',
    '................',
    '......kk',
    '.....kyy',
    '.....kyw',
    '.....kyw',
    '.....kyw',
    '.....kyw',
    '.....kyw',
    '.....kyw',
    '.....kyy',
    '.....kyy',
    '.....koo',
    '......kk',
    '................',
    '................',
  ],
];
const FLAG = (up) => [
  '................',
  ...(up
    ? [
        '...kkkkkkkkk....',
        '...kwkgggggkk...',
        '...kwkgGggggkk..',
        '...kwkggGggggk..',
        '...kwkgGggggkk..',
        '...kwkgggggkk...',
        '...kwkkkkkkk....',
      ]
    : [
        '...kkk..........',
        '...kwk..........',
        '...kwk..........',
        '...kwk..........',
        '...kwk..........',
        '...kwk..........',
        '...kwk..........',
      ]),
  ...(up
    ? ['...kwk..........', '...kwk..........', '...kwk..........']
    : ['...kwkkkkk......', '...kwkrrrrk.....', '...kwkkrrrrk....']),
  '...kwk..........',
  '...kwk..........',
  '..kkwkk.........',
  '.kooooook.......',
  '.kkkkkkkk.......',
];
const GOAL = [
  '.......k',
  '......ky',
  '......ky',
  '.....kyw',
  '.kkkkkyw',
  'kyyyyyyw',
  '.kyywwww',
  '..kyywww',
  '...kyyww',
  '...kyyyw',
  '..kyyyyy',
  '..kyyyyo',
  '..kyyook',
  '.kyyokk.',
  '.kkkk...',
  '................',
];

const TILES = {
  grass: (p, x, y) => {
    p.fill(x, y, 16, 16, earth);
    p.fill(x, y, 16, 5, (dx, dy) =>
      dy < 3 + (noise(dx, 0, 5) > 0.5 ? 2 : noise(dx, 0, 6) > 0.5 ? 1 : 0)
        ? dy === 0
          ? '9be15d'
          : noise(dx, dy, 7) > 0.7
            ? '4f9e3a'
            : '6cc04a'
        : undefined,
    );
  },
  dirt: (p, x, y) => p.fill(x, y, 16, 16, earth),
  plank: (p, x, y) => {
    p.fill(x, y, 16, 6, (dx, dy) =>
      dy === 0
        ? 'd9a866'
        : dy === 5
          ? '4a2e1f'
          : dx % 8 === 7
            ? '7c5031'
            : noise(dx >> 2, dy, 3) > 0.7
              ? 'a87443'
              : 'bd8750',
    );
    p.rect(x + 1, y + 6, 2, 3, '5b3a25');
    p.rect(x + 13, y + 6, 2, 3, '5b3a25');
  },
  metal: (p, x, y) =>
    p.fill(x, y, 16, 16, (dx, dy) =>
      dy === 0
        ? 'c9d3e0'
        : dy === 15 || dx === 15
          ? '3c4657'
          : (dx === 2 || dx === 13) && (dy === 2 || dy === 13)
            ? '2b3342'
            : dy > 5 && dy < 10
              ? (dx + dy) % 6 < 3
                ? 'e8b93c'
                : '2b3342'
              : '8492a6',
    ),
  spikes: (p, x, y) =>
    p.fill(x, y, 16, 16, (dx, dy) => {
      const reach = Math.floor((dy - 5) / 2);
      const from = Math.abs((dx % 8) - 3.5);
      return dy >= 5 && from <= reach / 1.4 + 0.5 ? (dx % 8 < 4 ? 'e4e9f0' : '8b97a8') : undefined;
    }),
  'coin-0': (p, x, y) => p.sprite(x, y, COIN[0], { k: INK, y: 'f6c945', w: 'fff2b3', o: 'c98a1e' }),
  'coin-1': (p, x, y) => p.sprite(x, y, COIN[1], { k: INK, y: 'f6c945', w: 'fff2b3', o: 'c98a1e' }),
  'flag-down': (p, x, y) => p.sprite(x, y, FLAG(false), { k: INK, w: 'e4e9f0', r: 'b3455a', o: '8a5b3c' }),
  'flag-up': (p, x, y) =>
    p.sprite(x, y, FLAG(true), { k: INK, w: 'e4e9f0', g: '4fc08d', G: 'd6ffe6', o: '8a5b3c' }),
  goal: (p, x, y) => p.sprite(x, y, GOAL, { k: INK, y: 'ffd23f', w: 'fff6c9', o: 'e08e1b' }),
};

export function tiles() {
  const sheet = new Picture(128, 128);
  Object.values(TILES).forEach((draw, index) => {
    draw(sheet, (index % 8) * 16, Math.floor(index / 8) * 16);
  });
  return { picture: sheet, cells: Object.keys(TILES) };
}

/** A hill line that meets itself at the picture's edge, so that it may be repeated. */
const ridge = (x, width, height, seed) => {
  const turn = (2 * Math.PI * x) / width;
  return (
    height *
    (0.5 +
      0.28 * Math.sin(turn * 2 + seed) +
      0.16 * Math.sin(turn * 5 + seed * 2) +
      0.06 * Math.sin(turn * 11 + seed))
  );
};

export function background() {
  const [width, height] = [256, 128];
  const sheet = new Picture(width, height);
  sheet.fill(
    0,
    0,
    width,
    height,
    gradient(['4f8fd6', '62a2e0', '79b6e8', '95caee', 'b4dcf2', 'd3ebf5'], height),
  );
  for (const [cx, cy, size] of [
    [30, 22, 9],
    [96, 14, 7],
    [150, 30, 10],
    [214, 18, 8],
  ]) {
    for (const [dx, dy, share] of [
      [0, 0, 1],
      [-1.3, 0.3, 0.7],
      [1.3, 0.3, 0.75],
      [0.5, -0.4, 0.7],
    ])
      sheet.ellipse(cx + dx * size, cy + dy * size, size * share * 1.2, size * share * 0.7, 'f4fafd');
  }
  const layers = [
    ['8fb8c9', 62, 38, 1],
    ['6a9f9c', 78, 34, 2.4],
    ['4b8069', 94, 28, 4.1],
  ];
  for (const [hex, top, reach, seed] of layers)
    for (let x = 0; x < width; x += 1) {
      const from = Math.round(top + reach - ridge(x, width, reach, seed));
      sheet.rect(x, from, 1, height - from, hex);
    }
  return { picture: sheet, cells: ['hills'] };
}
