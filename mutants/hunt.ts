import type { Mutant, NamedTest, Patch, Verdict } from './mutant.js';
import { RottenPatchError } from './patch.js';

/** Where mutants are built and tried. */
export interface Bench {
  patch(patches: readonly Patch[]): void;
  /** Undefined: compiled. Otherwise what the compiler says. */
  compile(): Promise<string | undefined>;
  simulate(firstSeed: number, seeds: number): Promise<Verdict>;
  /** Runs the tests of these titles in the file of `test`. */
  test(test: NamedTest, titles: readonly string[]): Promise<Verdict>;
}

export interface HuntOptions {
  readonly firstSeed: number;
  /** A mutant that so many seeds do not show has survived; the code as it is must pass all of them. */
  readonly seeds: number;
}

export interface Row {
  readonly mutant: string;
  readonly files: readonly string[];
  /** `simulation`, or the test's file. */
  readonly by: string;
  readonly verdict: Verdict;
  readonly seconds: number;
}

/** The row of the code as it is. */
export const UNMUTATED = 'unmutated';
/** Most mutants show themselves at once: few seeds first, then ever more. */
const FIRST_SEEDS = 100;
const GROWTH = 4;

/**
 * The code as it is must pass everything that mutants are caught by, and every mutant must be caught: tells each row as it is known.
 * Stops after the first row when that one fails: nothing can be said of mutants by a judge that condemns the innocent.
 */
export async function hunt(
  mutants: readonly Mutant[],
  bench: Bench,
  options: HuntOptions,
  tell: (row: Row) => void,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const add = async (mutant: string, files: readonly string[], by: string, judge: () => Promise<Verdict>) => {
    const beganMs = performance.now();
    const verdict = await judge().catch(rotten);
    const row = { mutant, files, by, verdict, seconds: (performance.now() - beganMs) / 1_000 };
    rows.push(row);
    tell(row);
  };
  if (mutants.some(({ caughtBy }) => caughtBy === 'simulation'))
    await add(UNMUTATED, [], 'simulation', () => simulated([], bench, options, options.seeds));
  for (const [test, titles] of testsOf(mutants))
    await add(UNMUTATED, [], test.file, async () => {
      bench.patch([]);
      return bench.test(test, titles);
    });
  if (rows.some((row) => !isAsItShould(row))) return rows;
  for (const { name, patches, caughtBy } of mutants) {
    const files = [...new Set(patches.map(({ file }) => file))];
    if (caughtBy === 'simulation')
      await add(name, files, caughtBy, () => simulated(patches, bench, options, FIRST_SEEDS));
    else
      await add(name, files, caughtBy.file, async () => {
        bench.patch(patches);
        return bench.test(caughtBy, [caughtBy.title]);
      });
  }
  return rows;
}

/** The code as it is passes, a mutant is caught. */
export const isAsItShould = ({ mutant, verdict }: Row): boolean =>
  verdict.kind === (mutant === UNMUTATED ? 'passed' : 'caught');

/** A patch that has lost its place fails the run like any other mutant that shows nothing. */
function rotten(error: unknown): Verdict {
  if (error instanceof RottenPatchError) return { kind: 'broke', output: error.message };
  throw error;
}

async function simulated(
  patches: readonly Patch[],
  bench: Bench,
  { firstSeed, seeds }: HuntOptions,
  atFirst: number,
): Promise<Verdict> {
  bench.patch(patches);
  const complaint = await bench.compile();
  if (complaint !== undefined) return { kind: 'broke', output: complaint };
  for (let from = firstSeed, most = atFirst; from < firstSeed + seeds; from += most, most *= GROWTH) {
    const verdict = await bench.simulate(from, Math.min(most, firstSeed + seeds - from));
    if (verdict.kind !== 'passed') return verdict;
  }
  return { kind: 'passed' };
}

/** One run a file: a named test of each, and all the titles that count there. */
function testsOf(mutants: readonly Mutant[]): [NamedTest, string[]][] {
  const files = new Map<string, [NamedTest, Set<string>]>();
  for (const { caughtBy } of mutants) {
    if (caughtBy === 'simulation') continue;
    const [, titles] = files.get(caughtBy.file) ?? [caughtBy, new Set<string>()];
    files.set(caughtBy.file, [caughtBy, titles.add(caughtBy.title)]);
  }
  return [...files.values()].map(([test, titles]) => [test, [...titles]]);
}
