import { createHash } from 'node:crypto';

/**
 * Which worker shall own which partition: the same answer for everybody who knows the same workers, spread evenly (to one), and moving
 * as few partitions as it can when one comes or goes (rendezvous hashing with a quota).
 */
export function assign(partitions: number, workerIds: readonly string[]): ReadonlyMap<number, string> {
  const workers = [...new Set(workerIds)].sort();
  const assigned = new Map<number, string>();
  if (workers.length === 0) return assigned;
  const low = Math.floor(partitions / workers.length);
  let larger = partitions % workers.length;
  const load = new Map(workers.map((worker) => [worker, 0]));
  for (let partition = 0; partition < partitions; partition++) {
    const room = (worker: string): boolean => {
      const held = load.get(worker) ?? 0;
      return held < low || (held === low && larger > 0);
    };
    const [winner] = workers.filter(room).sort((one, other) => compare(partition, one, other));
    if (winner === undefined) throw new Error(`no worker has room for partition ${partition}`);
    const held = load.get(winner) ?? 0;
    if (held === low) larger--;
    load.set(winner, held + 1);
    assigned.set(partition, winner);
  }
  return assigned;
}

const compare = (partition: number, one: string, other: string): number =>
  weightOf(partition, other).localeCompare(weightOf(partition, one));

const weightOf = (partition: number, worker: string): string =>
  createHash('sha256').update(`${partition}\0${worker}`).digest('hex');
