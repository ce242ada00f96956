import type { Command } from '../../commands/envelope.js';
import type { Refusal } from '../../commands/problems.js';
import type { WorkerState } from './workerState.js';

/** What becomes of a command that is delivered (or fetched from the parking): decided by the ledger, before any lane sees it. */
export type Admission =
  | { readonly kind: 'run' }
  /** The same command again, ended or on its way: nothing to do. */
  | { readonly kind: 'repeat' }
  /** A redelivery of the very command that is in memory. */
  | { readonly kind: 'held' }
  | { readonly kind: 'refuse'; readonly refusal: Refusal };

/** A command this worker holds (in memory or parked) and has not started: its claim is not in the log yet. */
export interface Claim {
  readonly payloadSha: string;
  readonly seq: number;
  readonly index: number;
}

export function admit(command: Command, state: WorkerState, claim: Claim | undefined): Admission {
  // Held first: a command whose end is not stored yet must not be acknowledged as done.
  if (claim?.seq === command.position.seq && claim.index === command.position.index) return { kind: 'held' };
  if (state.done.has(command.position)) return { kind: 'repeat' };
  if (claim)
    return claim.payloadSha === command.payloadSha
      ? { kind: 'repeat' }
      : { kind: 'refuse', refusal: mismatch(command) };
  if (command.idempotencyKey === null) return { kind: 'run' };
  const verdict = state.ledger.check(command.commandId, command.payloadSha);
  switch (verdict.kind) {
    case 'unknown':
      return { kind: 'run' };
    case 'mismatch':
      return { kind: 'refuse', refusal: mismatch(command) };
    case 'repeat': {
      const open = state.open.get(command.commandId);
      const same =
        open?.position.seq === command.position.seq && open.position.index === command.position.index;
      return same ? { kind: 'run' } : { kind: 'repeat' };
    }
  }
}

export function mismatch(command: Command): Refusal {
  const message = `the idempotency key "${command.idempotencyKey}" named another command of session ${command.sessionId} first; that one is untouched: send a new key`;
  return {
    code: 'idempotency_mismatch',
    message,
    errors: [{ pointer: '/idempotencyKey', message: 'used before with another payload' }],
  };
}
