import { type History, readHistory } from '../history.js';
import type { System, Workload } from '../ports.js';
import { seededRandom } from '../random.js';
import { appendTokens } from './appendTokens.js';
import { cancels } from './cancels.js';
import { checkpoints } from './checkpoints.js';
import { conflicts } from './conflicts.js';
import { duplicates } from './duplicates.js';
import { jobs } from './jobs.js';
import { opaque } from './opaque.js';
import { telemetry } from './telemetry.js';
import { twoEditors } from './twoEditors.js';
import { finishWalks, undoWalks } from './undoWalks.js';
import { finishWatchers, watchers } from './watchers.js';

const ALL = [
  checkpoints,
  watchers,
  appendTokens,
  conflicts,
  duplicates,
  undoWalks,
  twoEditors,
  jobs,
  opaque,
  telemetry,
  cancels,
] as const;

/** Every workload of a run, a few dozen commands a second together; `seed` decides what each does, but not when the system lets it. */
export function allWorkloads(seed: string): readonly Workload[] {
  const options = { random: seededRandom(`${seed}/load`), prefix: prefixOf(seed) };
  return ALL.map((make) => make(options));
}

/** What stands in front of every session and key: one token of a subject, whatever the seed is. */
const prefixOf = (seed: string): string => `x${seed.replaceAll(/[^A-Za-z0-9]/g, '').slice(0, 12) || '0'}`;

/**
 * When everything runs again and is quiet: open walks undo everything, and watchers come back once more. Both ask for something, so the
 * system must be let settle once more afterwards.
 */
export async function finishWorkloads(system: System, history: History): Promise<void> {
  await finishWalks(system, history, readHistory(history.file));
  await finishWatchers(system, history, readHistory(history.file));
}
