import type { Evidence } from './evidence.js';
import { nothingAckedIsLost } from './invariants/i01NothingAckedIsLost.js';
import { oneEndEach } from './invariants/i02OneEndEach.js';
import { effectsOnce } from './invariants/i03EffectsOnce.js';
import { sessionOrder } from './invariants/i04SessionOrder.js';
import { wellFormedLog } from './invariants/i05WellFormedLog.js';
import { readModelsAreFolds } from './invariants/i06ReadModelsAreFolds.js';
import { rebuildIsLive } from './invariants/i07RebuildIsLive.js';
import { undoRestoresTheTree } from './invariants/i08UndoRestoresTheTree.js';
import { checkpointsNeverGoBack } from './invariants/i09CheckpointsNeverGoBack.js';
import { liveFeedsHaveNoGap } from './invariants/i10LiveFeedsHaveNoGap.js';
import { telemetryIsAccountedFor } from './invariants/i11TelemetryIsAccountedFor.js';
import { auditIsComplete } from './invariants/i12AuditIsComplete.js';
import { type Invariant, type Verdict, withFaults } from './violation.js';

export const INVARIANTS: readonly Invariant[] = [
  nothingAckedIsLost,
  oneEndEach,
  effectsOnce,
  sessionOrder,
  wellFormedLog,
  readModelsAreFolds,
  rebuildIsLive,
  undoRestoresTheTree,
  checkpointsNeverGoBack,
  liveFeedsHaveNoGap,
  telemetryIsAccountedFor,
  auditIsComplete,
];

export interface Judged extends Verdict {
  readonly id: Invariant['id'];
  readonly title: string;
}

/** Holds the evidence against every invariant. Pure. */
export function judge(evidence: Evidence): readonly Judged[] {
  return INVARIANTS.map(({ id, title, check }) => {
    const verdict = check(evidence);
    return { id, title, ...verdict, violations: withFaults(verdict.violations, evidence.history) };
  });
}
