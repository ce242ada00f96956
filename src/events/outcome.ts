import type { StateEvent } from './event.js';

/**
 * `spark_commands.state` (product.md section 9), as a command may go through them. `expired` is a failure with the reason
 * `deadline_exceeded`. Only to be added to at the end: a ledger holds a state by its number here.
 */
export const COMMAND_STATES = [
  'accepted',
  'started',
  'completed',
  'failed',
  'rejected',
  'conflict',
  'outcome_unknown',
  'cancelled',
] as const;
export type CommandState = (typeof COMMAND_STATES)[number];

/** The state a command is in after this event. */
export function stateAfter(event: StateEvent): CommandState {
  switch (event.kind) {
    case 'started':
      return 'started';
    case 'completed':
      return 'completed';
    case 'failed':
      return event.outcome === 'expired' ? 'failed' : event.outcome;
  }
}

export function isTerminal(state: CommandState): boolean {
  return state !== 'accepted' && state !== 'started';
}
