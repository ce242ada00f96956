/** Numbers that a seed decides: the same seed, the same run of them. */
export interface Random {
  /** 0 ≤ x < 1. */
  next(): number;
  /** A whole number, both ends included. */
  between(low: number, high: number): number;
  pick<T>(from: readonly [T, ...T[]]): T;
  /** The same things in another order. */
  shuffled<T>(things: readonly T[]): T[];
  /** A run of its own for one purpose, so that more numbers drawn for one thing do not move those of another. */
  branch(name: string): Random;
}

/** FNV-1a over the text: any text is a seed. */
function hashed(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  return hash;
}

export function seededRandom(seed: string): Random {
  let state = hashed(seed);
  // Mulberry32.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    between,
    pick: <T>(from: readonly [T, ...T[]]): T => from[between(0, from.length - 1)] ?? from[0],
    shuffled: <T>(things: readonly T[]): T[] => {
      const order = things.map((thing) => ({ thing, at: next() }));
      return order.sort((left, right) => left.at - right.at).map(({ thing }) => thing);
    },
    branch: (name) => seededRandom(`${seed}/${name}`),
  };
}
