/**
 * The deterministic simulation: `npm run simulation -- --seeds N --seed S [--jobs J] [--json] [--replay SEED [--size SIZE]]`. Drives the production
 * code of the core (worker, appender, fence, projection folds) through seeded faults in virtual time and checks the invariants of
 * docs/guarantees.md. Seeds that failed once are kept in simulation/regressions.json with their size and run first. `--size` instead of
 * the mixture: small, large or duel.
 */
import { parseArgs } from 'node:util';
import { appendRegression } from './regressions.js';
import { replay } from './replay.js';
import { type Figures, keptSeeds, type SizedSeed } from './runMany.js';
import { runParallel, serveShare } from './runParallel.js';
import { SIZES, type Size, sizeOf } from './size.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    replay: { type: 'string' },
    size: { type: 'string' },
    share: { type: 'boolean', default: false },
  },
});

if (values.share) await serveShare();
else if (values.replay === undefined) process.exitCode = await runAll();
else process.exitCode = await replay(Number(values.replay), wantedSize());

async function runAll(): Promise<number> {
  const kept = keptSeeds();
  const range = Array.from({ length: Number(values.seeds) }, (_, at) => sized(Number(values.seed) + at));
  const beganMs = performance.now();
  const figures = await runParallel([...kept, ...range], Number(values.jobs));
  const seconds = (performance.now() - beganMs) / 1_000;
  for (const failure of figures.failures) if (!isKept(failure, kept)) appendRegression(failure);
  console.log(values.json ? jsonOf(figures, seconds) : sentenceOf(figures, seconds, kept.length));
  return figures.failures.length === 0 ? 0 : 1;
}

function wantedSize(): Size | undefined {
  const { size } = values;
  const found = SIZES.find((one) => one === size);
  if (size !== undefined && !found) throw new Error(`no size "${size}": there are ${SIZES.join(', ')}`);
  return found;
}

function sized(seed: number): SizedSeed {
  return { seed, size: wantedSize() ?? sizeOf(seed) };
}

function isKept({ seed, size }: SizedSeed, kept: readonly SizedSeed[]): boolean {
  return kept.some((one) => one.seed === seed && one.size === size);
}

function perCpuSecond({ seeds, runTwice, cpuSeconds }: Figures): number {
  return Math.round((seeds + runTwice) / cpuSeconds);
}

function jsonOf(figures: Figures, seconds: number): string {
  return JSON.stringify({ ...figures, seconds, seedsPerCpuSecond: perCpuSecond(figures) });
}

function sentenceOf(figures: Figures, seconds: number, kept: number): string {
  const { seeds, sizes, runTwice, commands, events, virtualMs, failures } = figures;
  const hours = (virtualMs / 3_600_000).toFixed(1);
  return [
    `${seeds} seeds (${kept} kept ones first), ${failures.length} failed; ${runTwice} of them run twice with the same digest`,
    `${sizes.small} small, ${sizes.large} large, ${sizes.duel} duels: ${commands} commands, ${events} events, ${hours} hours of virtual time in ${seconds.toFixed(1)} s; ${perCpuSecond(figures)} seeds a second of one processor`,
  ].join('\n');
}
