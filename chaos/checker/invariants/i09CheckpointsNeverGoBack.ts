import type { HistoryRecord } from '../../history.js';
import { groupBy } from '../groupBy.js';
import { timeOf } from '../operations.js';
import type { Invariant, Verdict, Violation } from '../violation.js';

type Checkpoint = Extract<HistoryRecord, { kind: 'checkpoint' }>;

/** Whose death excuses a step back of which server. */
const CRASH_OF = { primary: 'postgres', replica: 'standby' } as const;

/**
 * I9: no projection's checkpoint ever goes back, on primary or standby. One case is told and is no breach: a server that was itself killed
 * between the two looks. The primary may lose its last moments, rows and checkpoint together, because the projector commits without waiting for
 * the disk (the log is the truth); a standby lets readers in again before it has replayed all that they had seen. A kill of the one
 * excuses nothing of the other: what a standby has shown was on the primary's disk.
 */
export const checkpointsNeverGoBack: Invariant = {
  id: 'I9',
  title: 'checkpoints never go back',
  check({ history }): Verdict {
    const looks = history.filter((record): record is Checkpoint => record.kind === 'checkpoint');
    const crashes = history.flatMap((record) =>
      record.kind === 'process' && (record.phase === 'kill' || record.phase === 'exit')
        ? [{ n: record.n, role: record.role }]
        : [],
    );
    const violations: Violation[] = [];
    let rewinds = 0;
    for (const [server, own] of groupBy(looks, (look) => look.server))
      for (const [at, look] of own.entries()) {
        const before = own[at - 1];
        if (!before) continue;
        for (const name of falls(before, look)) {
          const crashed = crashes.some(
            ({ n, role }) => role === CRASH_OF[server] && before.n < n && n < look.n,
          );
          if (crashed) rewinds++;
          else violations.push(fall(name, before, look));
        }
      }
    return {
      checked: looks.length,
      violations,
      ...(rewinds > 0
        ? {
            notes: [
              `${rewinds} times a database came back from its own kill a moment behind what it had shown`,
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
