// Not the global one, which is a seed's.
import { setImmediate } from 'node:timers/promises';
import { holdGlobals } from './kernel/globals.js';
import { readRegressions } from './regressions.js';
import { runSeed, type SeedResult } from './scenario.js';
import { SIZES, type Size } from './size.js';

/** One run of the simulation: the same seed in another size is another run. */
export interface SizedSeed {
  readonly seed: number;
  readonly size: Size;
}

export interface Failure extends SizedSeed {
  /** What was violated first. */
  readonly found: string;
}

/** What a range of seeds came to. */
export interface Figures {
  readonly seeds: number;
  /** How many of each size. */
  readonly sizes: Readonly<Record<Size, number>>;
  readonly runTwice: number;
  readonly commands: number;
  readonly events: number;
  readonly virtualMs: number;
  /** Of one processor: processes side by side each count their own. */
  readonly cpuSeconds: number;
  readonly failures: readonly Failure[];
}

/** Every so many seeds one is run twice: the digests must be the same. */
const TWICE_EVERY = 50;
const FAILURES_TOLD = 3;

/** The seeds that failed once. */
export const keptSeeds = (): readonly SizedSeed[] => readRegressions();

/** Runs the seeds one after the other in this process; what fails is printed with its trace and the way to replay it. */
export async function runMany(seeds: readonly SizedSeed[]): Promise<Figures> {
  const giveBack = holdGlobals();
  try {
    return await runAll(seeds);
  } finally {
    giveBack();
  }
}

async function runAll(seeds: readonly SizedSeed[]): Promise<Figures> {
  const failures: Failure[] = [];
  const sum = { events: 0, commands: 0, runTwice: 0, virtualMs: 0 };
  const before = process.cpuUsage();
  for (const [at, { seed, size }] of seeds.entries()) {
    const result = await runSeed(seed, false, size);
    sum.events += result.events;
    sum.commands += result.commands;
    sum.virtualMs += result.tookMs;
    const again = at % TWICE_EVERY === 0;
    if (again) sum.runTwice++;
    const found = (again ? await differsAgain(result) : undefined) ?? result.violations[0];
    if (found === undefined) continue;
    failures.push({ seed, size, found });
    if (failures.length <= FAILURES_TOLD) await tell(result, found);
    // A turn for the outside world: signals, output.
    await setImmediate();
  }
  const { user, system } = process.cpuUsage(before);
  const cpuSeconds = (user + system) / 1e6;
  return { seeds: seeds.length, sizes: counted(seeds), ...sum, cpuSeconds, failures };
}

function counted(seeds: readonly SizedSeed[]): Record<Size, number> {
  const of = (wanted: Size): number => seeds.filter(({ size }) => size === wanted).length;
  return Object.fromEntries(SIZES.map((size) => [size, of(size)])) as Record<Size, number>;
}

async function differsAgain({ seed, size, digest }: SeedResult): Promise<string | undefined> {
  const again = await runSeed(seed, false, size);
  return again.digest === digest ? undefined : `not deterministic: digest ${digest}, then ${again.digest}`;
}

async function tell({ seed, size, violations }: SeedResult, found: string): Promise<void> {
  const { trace } = await runSeed(seed, true, size);
  for (const line of trace) console.error(line);
  for (const violation of violations.length > 0 ? violations : [found])
    console.error(`seed ${seed} VIOLATED ${violation}`);
  console.error(`replay it: npm run simulation -- --replay ${seed} --size ${size}`);
}
