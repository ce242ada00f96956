import type { EventError, FailureOutcome } from '../../../src/events/event.js';
import type { Random } from './random.js';

/** How a command ends when it does not complete: of a thousand commands about so many. */
const ENDINGS = [
  {
    outcome: 'failed',
    perMille: 28,
    code: 'compile_error',
    message: 'Assets/Scripts/Player.cs(12,9): error CS1002: ; expected',
  },
  {
    outcome: 'failed',
    perMille: 6,
    code: 'tool_refused',
    message: 'the editor refused the call: the scene is not saved',
  },
  {
    outcome: 'conflict',
    perMille: 9,
    code: 'stale_file',
    message: 'the file is not the version the patch was made for',
  },
  { outcome: 'rejected', perMille: 4, code: 'invalid_payload', message: 'path: must begin with Assets/' },
  {
    outcome: 'outcome_unknown',
    perMille: 2,
    code: 'answer_lost',
    message: 'the answer was lost and nothing tells whether it was done',
  },
  { outcome: 'cancelled', perMille: 3, code: 'cancelled', message: 'cancelled by its client' },
  {
    outcome: 'expired',
    perMille: 2,
    code: 'deadline_exceeded',
    message: 'its deadline passed before it could start',
  },
] as const satisfies readonly { outcome: FailureOutcome; perMille: number; code: string; message: string }[];

export interface Ending {
  readonly outcome: FailureOutcome;
  readonly error: EventError;
  /** It never started: the event repeats the envelope. */
  readonly unstarted: boolean;
}

/** Undefined: it completes, as about 945 of a thousand do. */
export function endingOf(random: Random): Ending | undefined {
  let at = random.next() * 1_000;
  for (const { outcome, perMille, code, message } of ENDINGS) {
    at -= perMille;
    if (at >= 0) continue;
    const unstarted = outcome === 'rejected' || outcome === 'expired' || outcome === 'cancelled';
    return { outcome, error: { code, message }, unstarted };
  }
  return undefined;
}
