import { describe, expect, it } from 'vitest';
import type { ProcessKind, Strike } from '../../chaos/ports.js';
import { scheduleOf, type Targets } from '../../chaos/schedule.js';

const process = (name: string, kind: ProcessKind) => ({ name, kind });
const TARGETS: Targets = {
  processes: [
    process('nats-1', 'nats'),
    process('postgres', 'postgres'),
    process('standby', 'standby'),
    process('simulator', 'simulator'),
    process('gate', 'gate'),
    process('ingest', 'ingest'),
    ...[1, 2, 3].map((n) => process(`worker-${n}`, 'worker')),
    process('projector', 'projector'),
  ],
  wires: ['worker-1→nats', 'worker-1→gate', 'gate→simulator', 'projector→postgres'],
  editors: ['default', 'castle'],
};
const CLUSTER: Targets = {
  ...TARGETS,
  processes: [...TARGETS.processes, process('nats-2', 'nats'), process('nats-3', 'nats')],
};
const SEEDS = Array.from({ length: 200 }, (_, index) => `seed ${index}`);
const of = (seed: string, minutes: number, targets = TARGETS): Strike[] =>
  scheduleOf({ seed, minutes, targets });
const kindOf = (name: string): string | undefined => TARGETS.processes.find((one) => one.name === name)?.kind;

describe('the schedule of a run', () => {
  it('is the same for the same seed, length and targets, and another for another seed', () => {
    expect(of('a', 3)).toEqual(of('a', 3));
    expect(of('a', 3)).not.toEqual(of('b', 3));
  });

  it('kills at least 40 times in three minutes, every kind of process, whatever the seed', () => {
    for (const seed of SEEDS) {
      const kills = of(seed, 3).filter(({ nemesis }) => nemesis === 'kill');
      expect(kills.length, seed).toBeGreaterThanOrEqual(40);
      expect(new Set(kills.map(({ target }) => kindOf(target))).size, seed).toBe(8);
    }
  });

  it('has every nemesis that the system allows within three minutes, and kills of leaders and partitions in a cluster only', () => {
    for (const seed of SEEDS.slice(0, 50)) {
      const kinds = (targets: Targets) => new Set(of(seed, 3, targets).map(({ nemesis }) => nemesis));
      expect([...kinds(TARGETS)].sort(), seed).toEqual([
        'disk_full',
        'editor_away',
        'kill',
        'leave_join',
        'pause',
        'postgres_stop',
        'reload',
        'simulator_fault',
        'wire',
      ]);
      expect([...kinds(CLUSTER)], seed).toEqual(expect.arrayContaining(['leader_kill', 'partition']));
    }
  });

  it('grows with the length of the run', () => {
    const [three, thirty] = [of('a', 3).length, of('a', 30).length];
    expect(thirty / three).toBeGreaterThan(9);
    expect(thirty / three).toBeLessThan(11);
  });

  it('is in order, within the time, and leaves a quiet beginning and end', () => {
    for (const seed of SEEDS) {
      const times = of(seed, 1).map(({ atMs }) => atMs);
      expect(times, seed).toEqual([...times].sort((left, right) => left - right));
      expect(times[0] ?? 0, seed).toBeGreaterThanOrEqual(2_000);
      expect(times.at(-1) ?? Number.POSITIVE_INFINITY, seed).toBeLessThan(58_000);
    }
  });

  it('numbers its strikes, each bounded, and strikes nothing that is struck already', () => {
    for (const seed of SEEDS) {
      const schedule = of(seed, 3);
      expect(
        schedule.map(({ n }) => n),
        seed,
      ).toEqual(schedule.map((_, index) => index + 1));
      const until = new Map<string, number>();
      for (const { target, atMs, holdMs } of schedule) {
        expect(holdMs, seed).toBeGreaterThan(0);
        expect(holdMs, seed).toBeLessThanOrEqual(9_000);
        expect(atMs, `${seed}: ${target}`).toBeGreaterThanOrEqual(until.get(target) ?? 0);
        until.set(target, atMs + holdMs);
      }
    }
  });

  it('pauses a worker for longer than a silent one keeps what it owns', () => {
    const pauses = SEEDS.flatMap((seed) => of(seed, 3)).filter(
      ({ nemesis, target }) => nemesis === 'pause' && kindOf(target) === 'worker',
    );
    expect(pauses.length).toBeGreaterThan(SEEDS.length);
    for (const { holdMs } of pauses) expect(holdMs).toBeGreaterThan(4_000);
  });
});
