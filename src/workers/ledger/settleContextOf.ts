import type { OpenLane } from '../lanes/openLanes.js';
import type { OwnedPartition } from '../ownedPartition.js';
import type { WorkerDependencies } from '../workerOptions.js';
import { contended, keyTaken, storeFirst } from './beginning.js';
import type { LogFollower } from './logFollower.js';
import type { SettleContext } from './settle.js';
import type { WorkerState } from './workerState.js';

interface Ownership extends Pick<SettleContext, 'claims' | 'ends' | 'pending' | 'taken' | 'fatal'> {
  readonly deps: WorkerDependencies;
  readonly state: WorkerState;
  readonly follower: LogFollower;
  /** Throws when it is another worker's. */
  readonly ownedPartition: (partition: number) => OwnedPartition;
  readonly laneOf: (editor: string) => OpenLane | undefined;
}

/** What settling may use, for one worker. */
export function settleContextOf({ ownedPartition, laneOf, ...ownership }: Ownership): SettleContext {
  const { deps } = ownership;
  const logOf = (editor: string) => ownedPartition(deps.partitionOf(editor)).log;
  return {
    logOf,
    ...ownership,
    logOfPartition: (partition) => ownedPartition(partition).log,
    contended: (command) => contended(command, ownership),
    storeFirst: (command, append) => storeFirst(command, append, ownership),
    level: () => ownership.follower.level(),
    keyTaken: (command) => keyTaken(command, ownership, deps.clock.nowMs()),
    parkedEnded: (parkedSeq, { editor, position, sessionId }) =>
      laneOf(editor)?.parked.ended(parkedSeq, position, sessionId),
  };
}
