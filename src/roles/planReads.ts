import type { ReadSource } from '../http/readPort.js';

/** Why a read goes where it goes; a label of `spark_reads_total`. */
export type ReadReason = 'ok' | 'no_replica' | 'away' | 'behind' | 'primary_away';

/** `late`: it has not answered its last samples, for a moment only: away, or the machine is busy. */
export type ServerState = 'up' | 'late' | 'away';

export interface ReadPlan {
  /** Whom to ask, in order; empty when nobody is there. */
  readonly servers: readonly ReadSource[];
  readonly because: ReadReason;
}

export interface ServerStates {
  readonly hasReplica: boolean;
  readonly replica: ServerState;
  /** Further behind its primary than the configured limit. */
  readonly replicaBehind: boolean;
  readonly primary: ServerState;
}

/**
 * Pure: whom a read asks. What is away is not asked at all, and what is late only when nobody else is there, so that nobody waits for
 * it; a stale answer beats none.
 */
export function planReads({ hasReplica, replica, replicaBehind, primary }: ServerStates): ReadPlan {
  const [replicaUp, primaryUp] = [hasReplica && replica === 'up', primary === 'up'];
  if (!replicaUp && !primaryUp) {
    const late: ReadSource[] = [];
    if (hasReplica && replica === 'late') late.push('replica');
    if (primary === 'late') late.push('primary');
    return { servers: late, because: hasReplica ? 'away' : 'no_replica' };
  }
  const orPrimary: readonly ReadSource[] = primaryUp ? ['primary'] : [];
  if (!replicaUp) return { servers: orPrimary, because: hasReplica ? 'away' : 'no_replica' };
  if (!replicaBehind) return { servers: ['replica', ...orPrimary], because: 'ok' };
  return primaryUp
    ? { servers: ['primary', 'replica'], because: 'behind' }
    : { servers: ['replica'], because: 'primary_away' };
}
