import type { HistoryRecord } from '../../history.js';
import { groupBy } from '../groupBy.js';
import { timeOf } from '../operations.js';
import type { Invariant, Verdict, Violation } from '../violation.js';

type Checkpoint = Extract<HistoryRecord, { kind: 'checkpoint' }>;

/**
 * I9: no projection's checkpoint ever goes back, on primary or standby. One case is told and not a breach: the projector commits without
 * waiting for the disk (the log is the truth), so a kill -9 of the primary may take its last moments back, rows and checkpoint together; that is
 * only believed where the history has such a kill between the two looks, and never of the standby, which gets nothing that is not on disk.
 */
export const checkpointsNeverGoBack: Invariant = {
  id: 'I9',
  title: 'checkpoints never go back',
  check({ history }): Verdict {
    const looks = history.filter((record): record is Checkpoint => record.kind === 'checkpoint');
    const crashes = history.flatMap((record) =>
      record.kind === 'process' && record.role === 'postgres' && ['kill', 'exit'].includes(record.phase)
        ? [record.n]
        : [],
    );
    const violations: Violation[] = [];
    let rewinds = 0;
    for (const [server, own] of groupBy(looks, (look) => look.server))
      for (const [at, look] of own.entries()) {
        const before = own[at - 1];
        if (!before) continue;
        for (const name of falls(before, look)) {
          const crashed = crashes.some((n) => before.n < n && n < look.n);
          if (server === 'primary' && crashed) rewinds++;
          else violations.push(fall(name, before, look));
        }
      }
    return {
      checked: looks.length,
      violations,
      ...(rewinds > 0
        ? {
            notes: [
              `${rewinds} times the primary came back from a kill a moment behind, rows and checkpoint together`,
            ],
          }
        : {}),
    };
  },
};

function falls(before: Checkpoint, look: Checkpoint): string[] {
  return Object.keys(before.positions).filter((name) => {
    if (before.streams[name] !== look.streams[name]) return false;
    return (look.positions[name] ?? -1) < (before.positions[name] ?? 0);
  });
}

const fall = (name: string, before: Checkpoint, look: Checkpoint): Violation => ({
  invariant: 'I9',
  detail: `the checkpoint of ${name} went back on the ${look.server}: ${before.positions[name]} → ${look.positions[name] ?? 'none'}`,
  atMs: timeOf(look),
  evidence: { history: { before: before.at, after: look.at, stream: look.streams[name] } },
});
