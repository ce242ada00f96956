import { setMaxListeners } from 'node:events';
import { bounded } from '../core/bounded.js';
import type { Dispatcher } from './dispatcher.js';
import { strayBatches } from './lanes/strayBatches.js';
import type { LogFollower } from './ledger/logFollower.js';
import { GivenAwayError, type OwnedPartition } from './ownedPartition.js';
import type { CommandInbox, ParkedBatch, PartitionLog } from './ports.js';
import type { WorkerDependencies } from './workerOptions.js';

/** A partition of this worker, with the pulls that bring its commands. */
export interface Owned extends OwnedPartition {
  readonly partition: number;
  readonly abort: AbortController;
  pulls: AbortController;
  pulling: Promise<void> | undefined;
  /** It is being given away: nobody pulls for it any more. */
  leaving?: true;
  /** Where the server's floor stood when it last believed more to be with us than there is. */
  strayFloor?: number | undefined;
}

/** What taking and giving away partitions works on. */
export interface Ownership {
  readonly owned: Map<number, Owned>;
  readonly follower: LogFollower;
  readonly dispatcher: Dispatcher;
  readonly abort: AbortController;
}

/**
 * Claims a partition and readies everything for its first delivery: what earlier owners have said is known, and who is parked keeps its
 * place and its key. Undefined when `wanted` is no longer true half way; throws what the log and the parking throw, with nothing taken.
 */
export async function claimed(
  partition: number,
  { owned, follower, dispatcher }: Ownership,
  { log, parking, partitionOf }: Pick<WorkerDependencies, 'log' | 'parking' | 'partitionOf'>,
  wanted: () => boolean,
): Promise<Owned | undefined> {
  const claim = await log.claim(partition);
  const abort = new AbortController();
  // Each running command listens and stops listening: with many editors that is no leak, whatever Node thinks of more than ten.
  setMaxListeners(0, abort.signal);
  const parkedUpTo = new Map<string, number>();
  const taken: Owned = {
    partition,
    parkedUpTo,
    log: noticed(claim, partition, follower),
    abort,
    signal: abort.signal,
    pulls: new AbortController(),
    pulling: undefined,
  };
  try {
    await follower.reached(claim.epoch);
    if (!wanted()) {
      await claim.close();
      return undefined;
    }
    owned.set(partition, taken);
    follower.own(partition, claim.epoch);
    follower.appended(partition, claim.epoch);
    const parked = [...(await parking.parked())].filter(([editor]) => partitionOf(editor) === partition);
    for (const [editor, lastSeq] of parked) parkedUpTo.set(editor, lastSeq);
    for (const [editor, lastSeq] of parked)
      await claimParked(editor, lastSeq, dispatcher, parking, () => wanted() && !abort.signal.aborted);
    if (!wanted()) return undefined;
    for (const [editor] of parked) dispatcher.openParked(editor);
    return taken;
  } catch (error) {
    abort.abort();
    await claim.close();
    forget(taken, { owned, follower, dispatcher });
    throw error;
  }
}

/** Ends what runs of a partition that is not pulled any more, stores what was said of it, and lets go of it. Throws when it is another's. */
export async function givenAway(
  taken: Owned,
  ownership: Pick<Ownership, 'owned' | 'follower' | 'dispatcher'>,
  { clock, limits }: Pick<WorkerDependencies, 'clock' | 'limits'>,
): Promise<void> {
  const { partition, abort, log } = taken;
  const { dispatcher } = ownership;
  await bounded(clock, limits.drainMs, dispatcher.drain(partition));
  abort.abort();
  await dispatcher.ended(partition);
  // Still ours? What another owner may have said meanwhile is not in our state: then this throws, and all of it is void.
  await log.append([]);
  // Forgotten first: whoever still looks for its log is told before anything is applied that would not be stored.
  forget(taken, ownership);
  await log.close();
}

/**
 * The partitions of which the server believes more to be with us than there is: delivered to a worker that is gone, and nothing came after
 * it to show the gap. Acknowledgements under way look the same for a moment, so it is looked at twice.
 */
export async function strays(
  { owned, dispatcher }: Pick<Ownership, 'owned' | 'dispatcher'>,
  inbox: Pick<CommandInbox, 'pending'>,
): Promise<Owned[]> {
  const found: Owned[] = [];
  for (const one of owned.values()) {
    const { unacked, ackFloor } = await inbox.pending(one.partition);
    const astray = unacked > dispatcher.inFlight.messagesOf(one.partition);
    if (astray && one.strayFloor === ackFloor) found.push(one);
    one.strayFloor = astray ? ackFloor : undefined;
  }
  return found;
}

function forget(
  { partition }: Owned,
  { owned, follower, dispatcher }: Pick<Ownership, 'owned' | 'follower' | 'dispatcher'>,
): void {
  dispatcher.forget(partition);
  owned.delete(partition);
  follower.disown(partition);
}

async function claimParked(
  editor: string,
  lastSeq: number,
  dispatcher: Dispatcher,
  parking: WorkerDependencies['parking'],
  wanted: () => boolean,
): Promise<void> {
  // Twice: who has stored what is known only at the end, and all of it at once may be more than memory is for.
  const places: Pick<ParkedBatch, 'parkedSeq' | 'by'>[] = [];
  const all = () => parkedBatches(editor, lastSeq, parking, wanted);
  for await (const { parkedSeq, by } of all()) places.push({ parkedSeq, ...(by && { by }) });
  const strays = strayBatches(places);
  for await (const batch of all()) if (!strays.has(batch.parkedSeq)) dispatcher.claimParked(editor, batch);
}

async function* parkedBatches(
  editor: string,
  lastSeq: number,
  parking: WorkerDependencies['parking'],
  wanted: () => boolean,
): AsyncGenerator<ParkedBatch> {
  for (let after = 0; after < lastSeq && wanted(); ) {
    const batches = await parking.read(editor, after, CLAIM_BATCHES);
    if (batches.length === 0) return;
    for (const batch of batches) {
      after = Math.max(after, batch.parkedSeq);
      // Stored since we looked, by an owner that we have fenced. Taken for found it would be safe for us, who acknowledges its commands, and
      // a stray for the next owner, whom our mark tells how far we have seen: then nobody had it (20 minutes of chaos, seed twenty).
      if (batch.parkedSeq <= lastSeq) yield batch;
    }
  }
}

const CLAIM_BATCHES = 16;

/** Tells the follower of each message of ours; once given away, says so instead of being closed, which would be nobody's wish. */
function noticed(log: PartitionLog, partition: number, follower: LogFollower): PartitionLog {
  let given = false;
  return {
    epoch: log.epoch,
    append: async (events) => {
      if (given) throw new GivenAwayError(`partition ${partition} has been given away`);
      const place = await log.append(events);
      follower.appended(partition, place);
      return place;
    },
    close: async () => {
      given = true;
      await log.close();
    },
  };
}
