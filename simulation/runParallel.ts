import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Figures, runMany, type SizedSeed } from './runMany.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/** Splits the seeds over `jobs` processes; one job runs them here. */
export async function runParallel(seeds: readonly SizedSeed[], jobs: number): Promise<Figures> {
  if (jobs <= 1) return runMany(seeds);
  const shares = Array.from({ length: jobs }, (_, job) => seeds.filter((_seed, at) => at % jobs === job));
  return (await Promise.all(shares.map(runShare))).reduce(added);
}

function runShare(seeds: readonly SizedSeed[]): Promise<Figures> {
  return new Promise((resolve, reject) => {
    const child = fork(MAIN, ['--share']);
    let figures: Figures | undefined;
    child.on('message', (message) => {
      figures = message as Figures;
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      if (figures) resolve(figures);
      else reject(new Error(`a part of the simulation ended with ${code} and told nothing`));
    });
    child.send(seeds);
  });
}

/** The part of a child: takes its seeds from the parent, tells what they came to. */
export async function serveShare(): Promise<void> {
  const seeds = await new Promise<readonly SizedSeed[]>((resolve) => process.once('message', resolve));
  const figures = await runMany(seeds);
  await new Promise((sent) => process.send?.(figures, sent));
  process.disconnect();
}

const added = (left: Figures, right: Figures): Figures => ({
  seeds: left.seeds + right.seeds,
  sizes: {
    small: left.sizes.small + right.sizes.small,
    large: left.sizes.large + right.sizes.large,
    duel: left.sizes.duel + right.sizes.duel,
  },
  runTwice: left.runTwice + right.runTwice,
  commands: left.commands + right.commands,
  events: left.events + right.events,
  virtualMs: left.virtualMs + right.virtualMs,
  cpuSeconds: left.cpuSeconds + right.cpuSeconds,
  failures: [...left.failures, ...right.failures],
});
