import { Presets, SingleBar } from 'cli-progress';
import type { CliHost, RebuildProgress } from './host.js';
import { durationText } from './text.js';

const LINE_EVERY_MS = 1_000;
const BAR_STEPS = 1_000;

const PHASES: Readonly<Record<RebuildProgress['phase'], string>> = {
  emptying: 'emptying the idle slot',
  folding: 'folding the log',
  indexing: 'building indexes',
  catching_up: 'catching up',
  flipping: 'switching over',
};

export interface RebuildBar {
  update(progress: RebuildProgress): void;
  stop(): void;
}

/** On a terminal a bar drawn in place; elsewhere plain lines, one a second and one a change of phase; JSON lines with --json. */
export function rebuildBar(host: CliHost, json: boolean): RebuildBar {
  if (host.terminal && !json) return drawnBar();
  let toldMs = Number.NEGATIVE_INFINITY;
  let toldPhase: string | undefined;
  return {
    update: (progress) => {
      const nowMs = host.clock.monotonicMs();
      if (progress.phase === toldPhase && nowMs - toldMs < LINE_EVERY_MS) return;
      toldMs = nowMs;
      toldPhase = progress.phase;
      if (json) host.out(`${JSON.stringify({ progress })}\n`);
      else host.err(`  … ${progressText(progress)}\n`);
    },
    stop: () => undefined,
  };
}

function drawnBar(): RebuildBar {
  const bar = new SingleBar(
    { format: '{percent}% {bar} {told}', stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  );
  const payloadOf = (progress: RebuildProgress) => ({
    percent: progress.percent.toFixed(1).padStart(5),
    told: toldOf(progress),
  });
  let started = false;
  return {
    update: (progress) => {
      const at = Math.round((progress.percent / 100) * BAR_STEPS);
      if (started) bar.update(at, payloadOf(progress));
      else bar.start(BAR_STEPS, at, payloadOf(progress));
      started = true;
    },
    stop: () => bar.stop(),
  };
}

/** Pure: `42.1 % · folding the log · 1200000 events, 61000/s · 12.0 s left`. */
export function progressText(progress: RebuildProgress): string {
  return `${progress.percent.toFixed(1)} % · ${toldOf(progress)}`;
}

function toldOf({ phase, events, eventsPerS, etaMs }: RebuildProgress): string {
  const rate = eventsPerS > 0 ? `, ${Math.round(eventsPerS)}/s` : '';
  const left = etaMs === null || etaMs === 0 ? '' : ` · ${durationText(etaMs)} left`;
  return `${PHASES[phase]} · ${events} events${rate}${left}`;
}
