import { appendRegression, readRegressions } from './regressions.js';
import { runSeed, type SeedResult } from './scenario.js';

export interface RunOptions {
  readonly seeds: number;
  readonly firstSeed: number;
  readonly json: boolean;
}

/** Every so many seeds one is run twice: the digests must be the same. */
const TWICE_EVERY = 50;
const FAILURES_TOLD = 5;

/** The kept seeds first, then the range. Resolves with the exit code. */
export async function runMany({ seeds, firstSeed, json }: RunOptions): Promise<number> {
  const kept = readRegressions().map(({ seed }) => seed);
  const range = Array.from({ length: seeds }, (_, at) => firstSeed + at);
  const failures: SeedResult[] = [];
  const sum = { events: 0, commands: 0, twice: 0, virtualMs: 0 };
  const beganMs = performance.now();
  for (const [at, seed] of [...kept, ...range].entries()) {
    const result = await runSeed(seed);
    sum.events += result.events;
    sum.commands += result.commands;
    sum.virtualMs += result.tookMs;
    const problem = at % TWICE_EVERY === 0 ? await differsAgain(result) : undefined;
    if (at % TWICE_EVERY === 0) sum.twice++;
    if (problem === undefined && result.violations.length === 0) continue;
    const failure = { ...result, violations: [...(problem === undefined ? [] : [problem]), ...result.violations] };
    failures.push(failure);
    if (!kept.includes(seed)) appendRegression(seed, failure.violations);
    if (failures.length <= FAILURES_TOLD) await tell(failure);
    // A turn for the outside world: signals, output.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const seconds = (performance.now() - beganMs) / 1_000;
  const runs = kept.length + seeds + sum.twice;
  const figures = {
    seeds: kept.length + seeds,
    kept: kept.length,
    failed: failures.length,
    runTwice: sum.twice,
    seedsPerSecond: Math.round(runs / seconds),
    commands: sum.commands,
    events: sum.events,
    virtualHours: Math.round(sum.virtualMs / 36_000) / 100,
    seconds: Math.round(seconds * 10) / 10,
  };
  console.log(json ? JSON.stringify(figures) : sentenceOf(figures));
  return failures.length === 0 ? 0 : 1;
}

async function differsAgain({ seed, digest }: SeedResult): Promise<string | undefined> {
  const again = await runSeed(seed);
  return again.digest === digest ? undefined : `not deterministic: digest ${digest}, then ${again.digest}`;
}

async function tell({ seed, violations }: SeedResult): Promise<void> {
  const { trace } = await runSeed(seed, true);
  for (const line of trace) console.error(line);
  for (const violation of violations) console.error(`seed ${seed} VIOLATED ${violation}`);
  console.error(`replay it: npm run simulation -- --replay ${seed}`);
}

function sentenceOf(figures: Readonly<Record<string, number>>): string {
  const { seeds, kept, failed, runTwice, seedsPerSecond, commands, events, virtualHours, seconds } = figures;
  return [
    `${seeds} seeds (${kept} kept ones first), ${failed} failed; ${runTwice} run twice with the same digest`,
    `${commands} commands, ${events} events, ${virtualHours} hours of virtual time in ${seconds} s: ${seedsPerSecond} seeds/s`,
  ].join('\n');
}
