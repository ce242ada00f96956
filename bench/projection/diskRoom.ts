import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';

/** Bytes of a database an event of the story takes, indexes and images included: 2,429 at a million events. */
const DATABASE_BYTES_PER_EVENT = 2_450;
/** Each server keeps so much WAL (max_wal_size, and what the standby may still want), and a new cluster has its own few MB. */
const BESIDE_BYTES = 4_000_000_000;
const SERVERS = 2;

/** There is not enough room for what a bench is about to write. */
export class NoRoomError extends Error {
  readonly code = 'no_room';
}

const gb = (bytes: number): string => `${Math.ceil(bytes / 1e8) / 10} GB`;

/** Bytes that a primary and its standby take once so many events are projected. */
export const bytesNeeded = (events: number): number =>
  SERVERS * (events * DATABASE_BYTES_PER_EVENT + BESIDE_BYTES);

/** Throws `NoRoomError` when the folder for temporary files has less room than that. Answers what is free, and what it takes. */
export async function demandRoom(
  events: number,
): Promise<{ readonly needed: string; readonly free: string }> {
  const folder = tmpdir();
  const { bavail, bsize } = await statfs(folder);
  const [needed, free] = [bytesNeeded(events), bavail * bsize];
  if (free < needed)
    throw new NoRoomError(
      `${events} events take ${gb(needed)} (primary and standby), ${folder} has ${gb(free)} free: set TMPDIR to a folder with more, or ask for fewer --events`,
    );
  return { needed: gb(needed), free: gb(free) };
}
