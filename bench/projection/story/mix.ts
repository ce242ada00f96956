import type { CommandType } from '../../../src/commands/catalogue.js';
import type { Random } from './random.js';

interface Share {
  readonly type: CommandType;
  readonly perMille: number;
  /** How long it takes in an editor, in ms, on average. */
  readonly meanMs: number;
}

/** What agents ask for in a working day: a third changes files, the rest looks at the scene, asks services, reports; sums to a thousand. */
const MIX: readonly Share[] = [
  { type: 'unity.generate_script', perMille: 120, meanMs: 180 },
  { type: 'unity.apply_patch', perMille: 150, meanMs: 210 },
  { type: 'unity.delete_script', perMille: 10, meanMs: 150 },
  { type: 'unity.render_preview', perMille: 260, meanMs: 320 },
  { type: 'unity.deconstruct_asset', perMille: 90, meanMs: 60 },
  { type: 'unity.get_build_status', perMille: 120, meanMs: 2 },
  { type: 'unity.run_build', perMille: 6, meanMs: 45_000 },
  { type: 'unity.call_tool', perMille: 44, meanMs: 90 },
  { type: 'cv.ocr', perMille: 30, meanMs: 900 },
  { type: 'cv.ocv', perMille: 20, meanMs: 700 },
  { type: 'cv.classify', perMille: 20, meanMs: 500 },
  { type: 'asr.transcribe', perMille: 10, meanMs: 2_500 },
  { type: 'session.undo', perMille: 30, meanMs: 170 },
  { type: 'session.redo', perMille: 10, meanMs: 170 },
  { type: 'usage.report', perMille: 80, meanMs: 1 },
];

/** Of what keeps an editor's lane busy, in ms: builds and services run beside it. */
export const MEAN_LANE_MS = 180;

/** Runs beside the lane: others of the editor do not wait for it. */
export const isBeside = (type: CommandType): boolean =>
  type === 'unity.run_build' || type === 'usage.report' || type.startsWith('cv.') || type.startsWith('asr.');

export function nextType(random: Random): Share {
  let at = random.next() * 1_000;
  for (const share of MIX) {
    at -= share.perMille;
    if (at < 0) return share;
  }
  return MIX[0] as Share;
}
