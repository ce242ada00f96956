import { type MsgHdrs, headers as natsHeaders } from 'nats';
import type { LogChunk } from '../workers/ports.js';

/** On every append and claim. What the server itself publishes for somebody carries none. */
export const APPEND_ID = 'Spark-Append-Id';
/** On every append: the owner's. */
const EPOCH = 'Spark-Epoch';
/** On an owner's first append: see `ParkingLooks`. */
const PARKED_UP_TO = 'Spark-Parked-Up-To';

/** The headers of a claim, or with an epoch of an append. */
export function markedBy(appendId: string, epoch?: number, parkedUpTo?: number): MsgHdrs {
  const headers = natsHeaders();
  headers.set(APPEND_ID, appendId);
  if (epoch !== undefined) headers.set(EPOCH, String(epoch));
  if (parkedUpTo !== undefined) headers.set(PARKED_UP_TO, String(parkedUpTo));
  return headers;
}

/** Who has put a message into the log, and how far that one saw into the parking, by its headers: see `LogChunk`. */
export function authorOf(
  headers: Iterable<[string, string[]]> | undefined,
): Pick<LogChunk, 'by' | 'parkedUpTo'> {
  const told = new Map(headers);
  const epoch = numberOf(told.get(EPOCH));
  if (epoch === undefined) return { by: told.has(APPEND_ID) ? 'claim' : undefined };
  return { by: epoch, parkedUpTo: numberOf(told.get(PARKED_UP_TO)) };
}

function numberOf(values: readonly string[] | undefined): number | undefined {
  const number = Number(values?.[0]);
  return Number.isSafeInteger(number) ? number : undefined;
}
