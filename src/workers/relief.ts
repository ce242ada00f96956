import type { Hysteresis } from '../core/hysteresis.js';
import type { Dispatcher } from './dispatcher.js';

/** Commands a lane may always keep in memory. */
const FAIR_MINIMUM = 8;

/**
 * While pulling is stopped by the watermark, lanes that hold more than twice their fair share (slow editors) give their waiting
 * commands to the parking, so that editors with free hands are fed again. With equal lanes nothing moves.
 */
export function relieve(dispatcher: Dispatcher, brake: Hysteresis): void {
  if (!brake.engaged) return;
  const busy = dispatcher.lanes.filter((lane) => lane.depth > 0);
  if (busy.length === 0) return;
  const share = FAIR_MINIMUM + (2 * brake.low) / busy.length;
  for (const lane of busy) if (lane.depth > share) lane.parkWaiting();
}
