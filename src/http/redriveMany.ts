import { pause } from '../core/clock.js';
import type { ProblemDraft } from './problem.js';
import type { DeadLetterRow } from './readPort.js';
import { type RedriveAsker, type RedriveDeps, type Redriven, redriveLetter } from './redriveLetter.js';

/** One line of the answer to a redrive by filter. */
export type RedriveLine =
  | {
      readonly id: string;
      readonly outcome: 'redriven';
      readonly commandId: string;
      readonly duplicate: boolean;
    }
  | { readonly id: string; readonly outcome: 'refused'; readonly code: string; readonly detail: string }
  | {
      readonly done: true;
      readonly matched: number;
      readonly redriven: number;
      readonly refused: number;
      /** Why it ended before the last letter; the same request again goes on from there. */
      readonly stopped: string | null;
    };

/** How often one letter is tried while SPARK is saturated or out of reach. */
const MAX_TRIES = 20;
const MAX_PAUSE_MS = 5_000;

/**
 * Redrives letters one after the other, in the order they failed, no faster than asked. There is no job to keep: each letter is done for itself and is
 * noted durably, so whoever was interrupted asks again and only what is still open is redriven.
 */
export async function* redriveMany(
  deps: RedriveDeps,
  letters: readonly DeadLetterRow[],
  ratePerSecond: number,
  asker: RedriveAsker,
  signal: AbortSignal,
): AsyncGenerator<RedriveLine> {
  const { clock } = deps;
  const intervalMs = 1_000 / ratePerSecond;
  let redriven = 0;
  let refused = 0;
  let stopped: string | null = null;
  let dueMs = clock.monotonicMs();
  for (const letter of letters) {
    await pause(clock, Math.max(0, dueMs - clock.monotonicMs()), signal);
    if (signal.aborted) {
      stopped = 'interrupted';
      break;
    }
    // After a pause that SPARK asked for the pace is kept, not caught up with.
    dueMs = Math.max(dueMs, clock.monotonicMs() - intervalMs) + intervalMs;
    const result = await patiently(deps, letter, asker, signal);
    if (result.ok) {
      redriven++;
      yield {
        id: letter.id,
        outcome: 'redriven',
        commandId: result.commandId,
        duplicate: result.duplicate,
      };
    } else if (result.problem.retryable) {
      stopped = result.problem.code;
      break;
    } else {
      refused++;
      const { code, detail } = result.problem;
      yield { id: letter.id, outcome: 'refused', code, detail };
    }
  }
  yield { done: true, matched: letters.length, redriven, refused, stopped };
}

async function patiently(
  deps: RedriveDeps,
  letter: DeadLetterRow,
  asker: RedriveAsker,
  signal: AbortSignal,
): Promise<Redriven> {
  for (let tries = 1; ; tries++) {
    const result = await redriveLetter(deps, { letter, actions: [] }, {}, asker);
    if (result.ok || !isPassing(result.problem) || tries >= MAX_TRIES || signal.aborted) return result;
    await pause(deps.clock, Math.min(MAX_PAUSE_MS, result.problem.retryAfterMs ?? 1_000), signal);
  }
}

const isPassing = (problem: ProblemDraft): boolean => problem.retryable;
