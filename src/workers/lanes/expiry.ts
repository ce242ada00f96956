import type { Command } from '../../commands/envelope.js';
import type { FinalVerdict } from './task.js';

/** How a command ends whose deadline has passed before it could start; undefined while there is time. */
export function expiredAt({ deadline }: Command, nowMs: number): FinalVerdict | undefined {
  if (deadline === null || Date.parse(deadline) > nowMs) return undefined;
  return {
    kind: 'failed',
    outcome: 'expired',
    error: {
      code: 'deadline_exceeded',
      message: `the deadline ${deadline} had passed before it could start`,
    },
  };
}
