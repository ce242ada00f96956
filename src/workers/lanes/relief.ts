import type { Hysteresis } from '../../core/hysteresis.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Lane } from './lane.js';

/** Commands a lane, and a session, may always keep in memory. */
const FAIR_MINIMUM = 8;
/** What lies in the stream may wait this long for those before it; then memory is made free for it. */
export const FAIR_DELAY_MS = 2_000;

/** How long those who are still in the stream have been waiting. */
export interface Crowding {
  /** Since when pulling has been stopped without a break. */
  readonly blockedMs: number;
  /** How long ago the newest message that was delivered had been accepted. */
  readonly behindMs: number;
}

/**
 * While pulling is stopped by the watermark, somebody gives way, so that those behind in the stream get their turn in bounded time:
 * - Lanes that hold more than twice their fair share (slow editors) give their waiting commands to the parking. With equal lanes nothing
 *   moves. What does not need the editor goes on beside one that is away, and stays.
 * - Once deliveries are more than FAIR_DELAY_MS behind, so do sessions that hold far more than theirs (a flood). What follows of such a
 *   session goes to the parking straight away, so a flood passes at the speed of storing, not of executing.
 * - Once nothing has been pulled for FAIR_DELAY_MS, so do the largest sessions until the brake is off.
 */
export function relieve(
  dispatcher: Dispatcher,
  brake: Hysteresis,
  crowding: Crowding = { blockedMs: 0, behindMs: 0 },
): void {
  if (!brake.engaged) return;
  const busy = dispatcher.lanes.filter((lane) => lane.depth > 0);
  if (busy.length === 0) return;
  const share = FAIR_MINIMUM + (2 * brake.low) / busy.length;
  for (const lane of busy) if (lane.depth > share) lane.parkWaiting(lane.held ? 'exclusive' : 'all');
  if (crowding.behindMs > FAIR_DELAY_MS || crowding.blockedMs > FAIR_DELAY_MS)
    disperse(busy, brake, dispatcher.inFlight.load, crowding.blockedMs > FAIR_DELAY_MS);
}

function disperse(lanes: readonly Lane[], brake: Hysteresis, load: number, blocked: boolean): void {
  const crowd = lanes
    .flatMap((lane) => lane.crowd().map((one) => ({ lane, ...one })))
    .filter(({ waiting }) => waiting > 0)
    .sort((left, right) => right.waiting - left.waiting);
  const share = Math.max(FAIR_MINIMUM, (4 * brake.low) / (crowd.length + 2));
  let left = load;
  for (const { lane, sessionId, waiting } of crowd) {
    if (blocked ? left <= brake.low : waiting <= share) return;
    lane.parkSession(sessionId);
    left -= waiting;
  }
}
