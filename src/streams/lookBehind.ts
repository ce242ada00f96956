import type { JetStreamManager } from '@nats-io/jetstream';
import { isLogMessage } from '../events/log.js';
import { APPEND_ID, authorOf } from './logAuthors.js';
import { newestOf } from './newest.js';
import { apiErrorCode } from './publish.js';
import { SUBJECTS } from './subjects.js';
import { STREAMS } from './topology.js';

/** Messages looked at in one question when an append was refused. */
const LOOK_AT_ONCE = 256;
/** And that many bytes, about: else the server would send as much as it keeps for a connection before it cuts it. */
const LOOK_AT_ONCE_BYTES = 8 * 1_024 * 1_024;
const NOT_FOUND = 404;

export const subjectOf = (partition: number): string => `${SUBJECTS.log}.${partition}`;

/** Of a partition's newest message; 0 for none. */
export async function lastSequence(manager: JetStreamManager, partition: number): Promise<number> {
  return (await newestOf(manager, STREAMS.log, subjectOf(partition)))?.seq ?? 0;
}

/** A partition's newest message, and the claim of whoever has stored it; 0 each for none, and for what no owner has stored. */
export async function newestIn(
  manager: JetStreamManager,
  partition: number,
): Promise<{ readonly seq: number; readonly ownedFrom: number }> {
  const newest = await newestOf(manager, STREAMS.log, subjectOf(partition));
  if (!newest) return { seq: 0, ownedFrom: 0 };
  const { by } = authorOf(newest.header);
  return { seq: newest.seq, ownedFrom: by === 'claim' ? newest.seq : (by ?? 0) };
}

export interface Behind {
  /** The append in question is there. */
  readonly found: boolean;
  /** The last place looked at. */
  readonly last: number;
  /** Where somebody else has appended or claimed. */
  readonly owner: number | undefined;
}

/** What lies on the partition's subject after `seq`, up to the first message of another owner. */
export async function lookBehind(
  manager: JetStreamManager,
  partition: number,
  seq: number,
  appendId: string,
): Promise<Behind> {
  let behind: Behind = { found: false, last: seq, owner: undefined };
  try {
    for (;;) {
      const messages = await manager.direct.getBatch(STREAMS.log, {
        seq: behind.last + 1,
        batch: LOOK_AT_ONCE,
        max_bytes: LOOK_AT_ONCE_BYTES,
        next_by_subj: subjectOf(partition),
      });
      const before = behind.last;
      for await (const { seq: last, header, data } of messages) {
        const mark = header?.get(APPEND_ID) ?? '';
        behind = { ...behind, last, found: behind.found || mark === appendId };
        if (mark !== appendId && (mark !== '' || isLogMessage(data))) return { ...behind, owner: last };
      }
      if (behind.last === before) return behind;
    }
  } catch (error) {
    // "No message": that was all.
    if (apiErrorCode(error) === NOT_FOUND) return behind;
    throw error;
  }
}
