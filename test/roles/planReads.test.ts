import { describe, expect, it } from 'vitest';
import { planReads, type ServerStates } from '../../src/roles/planReads.js';

const ALL_WELL: ServerStates = { hasReplica: true, replica: 'up', replicaBehind: false, primary: 'up' };

describe('whom a read asks', () => {
  it.each<[string, Partial<ServerStates>, string]>([
    ['all is well', {}, 'ok: replica primary'],
    ['the primary is away', { primary: 'away' }, 'ok: replica'],
    ['the replica is far behind', { replicaBehind: true }, 'behind: primary replica'],
    [
      'the replica is far behind and the primary away',
      { replicaBehind: true, primary: 'away' },
      'primary_away: replica',
    ],
    ['the replica is away', { replica: 'away' }, 'away: primary'],
    ['the replica is late', { replica: 'late' }, 'away: primary'],
    ['the replica is away and was behind', { replica: 'away', replicaBehind: true }, 'away: primary'],
    ['both are away', { replica: 'away', primary: 'away' }, 'away: '],
    [
      'both are late: the machine may only be busy',
      { replica: 'late', primary: 'late' },
      'away: replica primary',
    ],
    ['one is late and the other away', { replica: 'away', primary: 'late' }, 'away: primary'],
    ['there is no replica', { hasReplica: false }, 'no_replica: primary'],
    [
      'there is no replica, and the primary is late',
      { hasReplica: false, primary: 'late' },
      'no_replica: primary',
    ],
    ['there is no replica, and the primary is away', { hasReplica: false, primary: 'away' }, 'no_replica: '],
  ])('given %s, then %j asks %s', (_what, change, expected) => {
    const { servers, because } = planReads({ ...ALL_WELL, ...change });
    expect(`${because}: ${servers.join(' ')}`).toBe(expected);
  });
});
