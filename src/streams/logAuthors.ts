import { type MsgHdrs, headers as natsHeaders } from 'nats';
import type { LogChunk } from '../workers/ports.js';

/** On every append and claim. What the server itself publishes for somebody carries none. */
export const APPEND_ID = 'Spark-Append-Id';
/** On every append: the owner's. */
const EPOCH = 'Spark-Epoch';

/** The headers of a claim, or with an epoch of an append. */
export function markedBy(appendId: string, epoch?: number): MsgHdrs {
  const headers = natsHeaders();
  headers.set(APPEND_ID, appendId);
  if (epoch !== undefined) headers.set(EPOCH, String(epoch));
  return headers;
}

/** Who has put a message into the log, by its headers: see `LogChunk.by`. */
export function authorOf(headers: Iterable<[string, string[]]> | undefined): LogChunk['by'] {
  const told = new Map(headers);
  const epoch = Number(told.get(EPOCH)?.[0]);
  if (Number.isSafeInteger(epoch)) return epoch;
  return told.has(APPEND_ID) ? 'claim' : undefined;
}
