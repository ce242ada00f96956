import { EDITORS } from './editors.js';

/**
 * How much happens in a seed. Most are small: one or two commands and a fault find most of what many commands find, and many more of them
 * fit into a second. Large ones have what needs a crowd; duels are about one file that goes back and forth between a few contents.
 */
export const SIZES = ['small', 'large', 'duel'] as const;
export type Size = (typeof SIZES)[number];

/** What a seed of a size draws from: each list is picked from evenly, an item that is there twice comes twice as often. */
export interface Shape {
  readonly editors: readonly (readonly string[])[];
  /** Sessions at most. */
  readonly sessions: number;
  readonly commands: readonly number[];
  /** How often a key comes again with another payload, maybe for another editor, and how long after. */
  readonly sameKey: { readonly chance: number; readonly withinMs: number };
  /** Within which the commands are published. */
  readonly spreadMs: readonly number[];
  readonly workers: readonly number[];
  readonly projectors: readonly number[];
  readonly faults: readonly number[];
  /** When everything is well again. */
  readonly healMs: readonly number[];
  /** Of the seeds that end with the undo of everything. */
  readonly undoShare: number;
}

const LARGE: Shape = {
  editors: [EDITORS],
  sessions: 3,
  commands: [1, 2, 2, 2, 3, 5],
  sameKey: { chance: 0.06, withinMs: 600 },
  spreadMs: [50, 400, 1_200],
  workers: [1, 1, 2, 2, 2, 3],
  projectors: [1, 1, 1, 2],
  faults: [0, 1, 1, 2, 2, 3, 3, 4],
  healMs: [600, 1_500, 3_000],
  undoShare: 0.2,
};
const [ONE = '', OTHER = ''] = EDITORS;

export const SHAPES: Readonly<Record<Size, Shape>> = {
  large: LARGE,
  small: {
    ...LARGE,
    editors: [[ONE], [OTHER], EDITORS],
    sessions: 2,
    commands: [1, 1, 1, 2],
    sameKey: { chance: 0.12, withinMs: 20 },
    spreadMs: [20, 100, 400],
    workers: [1, 1, 2],
    projectors: [1],
    faults: [1, 1, 1, 2],
    healMs: [600, 1_500],
    undoShare: 0.1,
  },
  duel: {
    ...LARGE,
    editors: [[ONE], [OTHER]],
    sessions: 2,
    commands: [3, 4, 5, 6],
    workers: [1, 2, 2],
    projectors: [1],
    faults: [2, 3, 3, 4],
    healMs: [1_500, 3_000],
  },
};

/** Of all seeds; the others are small. */
const SHARES = { large: 0.1, duel: 0.1 };

/** The size of a seed, wherever a range of seeds begins: the golden ratio spreads each share evenly. */
export function sizeOf(seed: number): Size {
  const draw = (Math.imul(seed, 0x9e3779b1) >>> 0) / 4_294_967_296;
  if (draw < SHARES.large) return 'large';
  return draw < SHARES.large + SHARES.duel ? 'duel' : 'small';
}
