import type { Evidence, Source } from './evidence.js';
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
import { type Invariant, type InvariantId, type Verdict, withFaults } from './violation.js';

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

/** What each of them is judged by, beside the history. */
const JUDGED_BY: Readonly<Record<InvariantId, readonly Source[]>> = {
  I1: ['log'],
  I2: ['log', 'primary', 'replica'],
  I3: ['log', 'effects'],
  I4: ['log', 'files'],
  I5: ['log'],
  I6: ['log', 'primary', 'replica'],
  I7: ['primary'],
  I8: [],
  I9: [],
  I10: ['log'],
  I11: ['log', 'telemetry'],
  I12: ['log', 'primary', 'replica'],
};

/**
 * Holds the evidence against every invariant. One whose evidence could not be read is not held against what is not there: that it could not is
 * the finding. Pure.
 */
export function judge(evidence: Evidence): readonly Judged[] {
  return INVARIANTS.map((invariant) => {
    const { id, title } = invariant;
    const verdict = unreadable(id, evidence) ?? checked(invariant, evidence);
    return { id, title, ...verdict, violations: withFaults(verdict.violations, evidence.history) };
  });
}

function unreadable(id: InvariantId, { unread }: Evidence): Verdict | undefined {
  const missing = unread.filter(({ source }) => JUDGED_BY[id].includes(source));
  if (missing.length === 0) return undefined;
  return {
    checked: 0,
    violations: missing.map(({ source, said }) => ({
      invariant: id,
      detail: `cannot be judged: ${NAMES[source]} could not be read`,
      evidence: { [source]: said },
    })),
  };
}

const NAMES: Readonly<Record<Source, string>> = {
  log: 'the log (SPARK_LOG)',
  telemetry: 'the telemetry stream (SPARK_TELEMETRY)',
  primary: 'the primary',
  replica: 'the standby',
  effects: "the simulator's effect log",
  files: "the editors' files",
};

/** A checker that trips over what it finds has found something; the other invariants are judged all the same. */
function checked({ id, check }: Invariant, evidence: Evidence): Verdict {
  try {
    return check(evidence);
  } catch (error) {
    const stack = error instanceof Error ? error.stack : undefined;
    return {
      checked: 0,
      violations: [
        {
          invariant: id,
          detail: `cannot be judged: the checker failed (${error instanceof Error ? error.message : String(error)})`,
          evidence: { checker: stack ?? String(error) },
        },
      ],
    };
  }
}
