import { payloadShaOf } from '../commands/envelope.js';
import type { Principal } from './auth.js';
import type { DeadLetterActions } from './ports.js';
import { draft, type ProblemDraft } from './problem.js';
import type { DeadLetterActionRow, DeadLetterRow } from './readPort.js';
import { decideRedrive, type RedriveOverrides } from './redrive.js';
import { type SubmitDeps, storeOne } from './submit.js';

export interface RedriveDeps extends SubmitDeps {
  readonly actions: DeadLetterActions;
}

export interface RedriveAsker {
  readonly principal: Principal;
  readonly traceparent: string;
}

export type Redriven =
  | {
      readonly ok: true;
      readonly commandId: string;
      readonly status: string;
      /** This redrive was made before: nothing new was stored. */
      readonly duplicate: boolean;
      readonly redrive: number;
    }
  | { readonly ok: false; readonly problem: ProblemDraft };

/**
 * Redrives one letter: first the command, under a key made of the letter and the number of its redrive, then the note that it was done. Whoever dies
 * in between leaves an open letter whose command is there; asked again, the same key finds it.
 */
export async function redriveLetter(
  deps: RedriveDeps,
  found: { readonly letter: DeadLetterRow; readonly actions: readonly DeadLetterActionRow[] },
  wanted: RedriveOverrides & { readonly redrive?: number | undefined },
  asker: RedriveAsker,
): Promise<Redriven> {
  const { letter } = found;
  const redrive = wanted.redrive ?? Math.max(1, letter.redrives);
  const problem = checkNumber(letter, wanted.redrive);
  if (problem) return { ok: false, problem };
  const decided = decideRedrive(letter, wanted, redrive, asker);
  if (!decided.ok) return decided;
  const payloadSha = payloadShaOf(decided.request);
  const earlier = found.actions.find((action) => action.action === 'redriven' && action.redrive === redrive);
  if (earlier?.commandId)
    return earlier.payloadSha === payloadSha
      ? { ok: true, commandId: earlier.commandId, status: 'accepted', duplicate: true, redrive }
      : { ok: false, problem: redrivenOtherwise(letter, redrive) };
  const stored = await storeOne(deps, decided.request);
  if (!stored.accepted)
    return {
      ok: false,
      problem:
        stored.problem.code === 'idempotency_mismatch' ? redrivenOtherwise(letter, redrive) : stored.problem,
    };
  const { commandId, status, duplicate } = stored.accepted;
  await deps.actions.append({
    action: 'redriven',
    letterId: Number(letter.id),
    actor: asker.principal.name,
    newCommandId: commandId,
    redrive,
    payloadSha,
  });
  return { ok: true, commandId, status, duplicate, redrive };
}

/** A dropped letter is taken up again only by who says so, and numbers are not skipped. */
function checkNumber(letter: DeadLetterRow, redrive: number | undefined): ProblemDraft | undefined {
  const next = letter.redrives + 1;
  if (letter.state === 'dropped' && redrive === undefined)
    return draft(
      'dead_letter_closed',
      `the letter was dropped by ${letter.actedBy} at ${letter.droppedAt}; to redrive it all the same, give "redrive": ${next}`,
    );
  if (redrive !== undefined && redrive > next)
    return draft('schema_violation', `the next redrive of this letter is number ${next}`, {
      errors: [{ pointer: '/redrive', message: 'numbers are not skipped', limit: next }],
    });
  return undefined;
}

function redrivenOtherwise(letter: DeadLetterRow, redrive: number): ProblemDraft {
  return draft(
    'dead_letter_closed',
    `redrive ${redrive} of this letter asked for something else${letter.redrivenAs ? ` (command ${letter.redrivenAs})` : ''}; to redrive it once more, give "redrive": ${redrive + 1}`,
  );
}
