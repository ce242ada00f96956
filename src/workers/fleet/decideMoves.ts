import { assign } from './assign.js';
import type { Member } from './fleetPort.js';

/** The workers that live, as one of them sees them; it is among them itself. */
export interface FleetView {
  readonly me: string;
  readonly partitions: number;
  readonly members: readonly Member[];
}

export interface Moves {
  readonly take: readonly number[];
  readonly give: readonly number[];
  /** Somebody has claimed after us what we believe to be ours: we are a zombie. */
  readonly lost: readonly number[];
  /** Others use another gate: this worker stands by. The id of that gate. */
  readonly otherGate: string | undefined;
}

/**
 * What a worker takes and gives away now. It takes what is its own and nobody who lives holds, and gives away what is another's. Two gates
 * in front of one editor would not know each other's fences: those who use another one than the oldest worker does stand by.
 */
export function decideMoves({ me, partitions, members }: FleetView): Moves {
  const self = members.find(({ workerId }) => workerId === me);
  const others = members.filter(({ workerId }) => workerId !== me);
  const gate = oldest(members)?.gate;
  const willing = members.filter((member) => member.ready && member.gate === gate);
  const assigned = assign(
    partitions,
    willing.map(({ workerId }) => workerId),
  );
  const mine = new Map(Object.entries(self?.owned ?? {}).map(([key, epoch]) => [Number(key), epoch]));
  const theirs = newestClaims(others);
  return {
    take: [...assigned].flatMap(([partition, worker]) =>
      worker === me && !mine.has(partition) && !theirs.has(partition) ? [partition] : [],
    ),
    // With nobody to take it, it stays where it is.
    give: [...mine.keys()].filter(
      (partition) => (assigned.get(partition) ?? me) !== me || self?.ready === false,
    ),
    lost: [...mine].flatMap(([partition, epoch]) =>
      (theirs.get(partition) ?? 0) > epoch ? [partition] : [],
    ),
    otherGate: gate !== undefined && self && self.gate !== gate ? gate : undefined,
  };
}

/** Of those that hold anything, or of all when none does: a gate is not changed while somebody calls through it. */
function oldest(members: readonly Member[]): Member | undefined {
  const ready = members.filter((member) => member.ready || Object.keys(member.owned).length > 0);
  const holders = ready.filter(({ owned }) => Object.keys(owned).length > 0);
  const [first] = (holders.length > 0 ? holders : ready).toSorted(
    (one, other) =>
      (one.born ?? Number.POSITIVE_INFINITY) - (other.born ?? Number.POSITIVE_INFINITY) ||
      one.workerId.localeCompare(other.workerId),
  );
  return first;
}

function newestClaims(members: readonly Member[]): ReadonlyMap<number, number> {
  const claims = new Map<number, number>();
  for (const { owned } of members)
    for (const [key, epoch] of Object.entries(owned))
      claims.set(Number(key), Math.max(epoch, claims.get(Number(key)) ?? 0));
  return claims;
}
