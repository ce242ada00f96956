import type { StateEvent } from './event.js';

/** `spark_commands.state` (product.md section 9). `expired` is a failure with the reason `deadline_exceeded`. */
export type CommandState =
  | 'accepted'
  | 'started'
  | 'completed'
  | 'failed'
  | 'rejected'
  | 'conflict'
  | 'outcome_unknown'
  | 'cancelled';

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
