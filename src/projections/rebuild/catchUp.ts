import type pg from 'pg';
import { streamSeqOf } from '../../events/event.js';
import { LOG_CHECKPOINT, readCheckpoint } from '../checkpoint.js';
import { endOfMessage } from '../logPosition.js';
import type { LogSource } from '../ports.js';
import { leavePlace, tryTakePlace } from '../projectorConnection.js';

/** How far behind the live read models is near enough to fold the rest while the live projector is held. */
const NEAR_MS = 500;
/** After so many rounds a longer hold is accepted: live events come nearly as fast as they are folded. */
const PATIENT_ROUNDS = 8;
const NEAR_AT_LAST_MS = 5_000;

/**
 * Where the new version has to come to for now: where the live read models are; the log's end, where nothing live has to be met (no
 * projector at work, or one that refuses this log) and all is rebuilt.
 */
export async function placeToReach(
  control: pg.ClientBase,
  log: LogSource,
  { whole, foreign }: { readonly whole: boolean; readonly foreign: boolean },
): Promise<number> {
  if (whole && (foreign || !(await projectorAtWork(control)))) return endOfMessage(await log.lastStreamSeq());
  return (await readCheckpoint(control, LOG_CHECKPOINT))?.lastSeq ?? 0;
}

async function projectorAtWork(control: pg.ClientBase): Promise<boolean> {
  if (!(await tryTakePlace(control, LOG_CHECKPOINT))) return true;
  await leavePlace(control, LOG_CHECKPOINT);
  return false;
}

/** Pure: whether what is left may be folded under the lock. `leftMs`: how long it takes, by the last round's pace. */
export function isNear(leftMs: number, round: number): boolean {
  return leftMs <= (round < PATIENT_ROUNDS ? NEAR_MS : NEAR_AT_LAST_MS);
}

/** Pure: how long the way from `atSeq` to `toSeq` takes at the pace of the round before; 0 where there is no way. */
export function leftMsOf(
  round: { readonly fromSeq: number; readonly toSeq: number; readonly tookMs: number },
  atSeq: number,
  toSeq: number,
): number {
  const left = streamSeqOf(toSeq) - streamSeqOf(atSeq);
  const done = streamSeqOf(round.toSeq) - streamSeqOf(round.fromSeq);
  if (left <= 0) return 0;
  // A round without a way says nothing of the pace: what is left was little then, and is looked at again.
  return done <= 0 ? Math.min(left, NEAR_MS) : (round.tookMs * left) / done;
}
