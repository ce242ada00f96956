import { setMaxListeners } from 'node:events';
import { bounded } from '../core/bounded.js';
import type { Dispatcher } from './dispatcher.js';
import type { LogFollower } from './ledger/logFollower.js';
import type { ParkingLooks } from './ledger/parkingLooks.js';
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
  readonly state: { readonly looks: ParkingLooks };
  readonly abort: AbortController;
}

/**
 * Claims a partition and readies everything for its first delivery: what earlier owners have said is known, and who is parked keeps its
 * place and its key. Undefined when `wanted` is no longer true half way; throws what the log and the parking throw, with nothing taken.
 */
export async function claimed(
  partition: number,
  { owned, follower, dispatcher, state }: Ownership,
  { log, parking, partitionOf }: Pick<WorkerDependencies, 'log' | 'parking' | 'partitionOf'>,
  wanted: () => boolean,
): Promise<Owned | undefined> {
  const claim = await log.claim(partition);
  const abort = new AbortController();
  // Each running command listens and stops listening: with many editors that is no leak, whatever Node thinks of more than ten.
  setMaxListeners(0, abort.signal);
  const taken: Owned = {
    partition,
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
    const { upTo, editors } = await parking.look();
    // Before anything of it is acknowledged or anything is stored: whoever owns the partition later must see the same batches as we do.
    await taken.log.append([], upTo);
    state.looks.record(partition, claim.epoch, upTo);
    const parked = editors.filter((editor) => partitionOf(editor) === partition);
    const goOn = () => wanted() && !abort.signal.aborted;
    dispatcher.found.begin(partition);
    for (const editor of parked)
      for await (const batch of parkedBatches(editor, upTo, parking, goOn))
        if (!state.looks.isStray(partition, batch)) dispatcher.found.claim(editor, batch);
    if (!wanted()) return undefined;
    dispatcher.found.open(partition, parked);
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
 * To be asked before each reset. One by a worker that has lost the partition without knowing it would begin the server's count anew, and
 * the owner could take what comes next for the next of its own: it would miss what that worker was given (sessionOrder.test.ts).
 */
export async function isStillOurs(
  { log }: Pick<Owned, 'log'>,
  signal: AbortSignal,
  lost: (error: unknown) => void,
): Promise<boolean> {
  try {
    await log.append([]);
    return !signal.aborted;
  } catch (error) {
    if (!(error instanceof GivenAwayError) && !signal.aborted) lost(error);
    return false;
  }
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

/** What lies there up to `upTo`, as many at once as memory is for. */
async function* parkedBatches(
  editor: string,
  upTo: number,
  parking: WorkerDependencies['parking'],
  wanted: () => boolean,
): AsyncGenerator<ParkedBatch> {
  for (let after = 0; after < upTo && wanted(); ) {
    const batches = await parking.read(editor, after, CLAIM_BATCHES);
    if (batches.length === 0) return;
    for (const batch of batches) {
      after = Math.max(after, batch.parkedSeq);
      // Stored since we looked, by an owner that we have fenced: it counts for nothing, here and later.
      if (batch.parkedSeq > upTo) return;
      yield batch;
    }
  }
}

const CLAIM_BATCHES = 16;

/** Tells the follower of each message of ours; once given away, says so instead of being closed, which would be nobody's wish. */
function noticed(log: PartitionLog, partition: number, follower: LogFollower): PartitionLog {
  let given = false;
  return {
    epoch: log.epoch,
    append: async (events, parkedUpTo) => {
      if (given) throw new GivenAwayError(`partition ${partition} has been given away`);
      const place = await log.append(events, parkedUpTo);
      follower.appended(partition, place);
      return place;
    },
    close: async () => {
      given = true;
      await log.close();
    },
  };
}
