import type pg from 'pg';
import { pause } from '../../core/clock.js';
import type { TableName } from '../readModels.js';
import { closeOldSlots } from '../slots/switch.js';
import type { RebuildOptions } from './options.js';

/** Readers of before have ended when it is over; until then they find what they began with. */
const SETTLE_MS = 16_000;

/** After a flip: lets the views go of what was shown before. Cut off, the next rebuild does it. */
export async function settle(
  control: pg.ClientBase,
  { clock, signal, settleMs = SETTLE_MS }: Pick<RebuildOptions, 'clock' | 'signal' | 'settleMs'>,
  flipped: readonly string[],
): Promise<void> {
  await pause(clock, settleMs, signal);
  if (!signal.aborted) await closeOldSlots(control, flipped as readonly TableName[]);
}
