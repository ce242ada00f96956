import type { NemesisKind, ProcessKind, Strike } from './ports.js';
import { type Random, seededRandom } from './random.js';

/** Whom a schedule may strike, by name. */
export interface Targets {
  readonly processes: readonly { readonly name: string; readonly kind: ProcessKind }[];
  readonly wires: readonly string[];
  readonly editors: readonly string[];
}

export interface ScheduleOptions {
  readonly seed: string;
  readonly minutes: number;
  readonly targets: Targets;
}

/** The system loads undisturbed for this long first: a fault on nothing proves nothing. */
const QUIET_AT_FIRST_MS = 2_000;
/** And nothing new begins this shortly before the end. */
const QUIET_AT_LAST_MS = 2_000;
/** 3 minutes × 60 s ÷ 3.2 s = 55 kills, so that 40 are certain also where some must wait for their turn. */
const KILL_EVERY_MS = 3_200;
const FAULT_EVERY_MS = 3_600;
/** Share of the interval by which a strike may come earlier or later. */
const JITTER = 0.3;

const WIRE_FAULTS = ['cut', 'black_hole', 'delay', 'lose_reply'] as const;
const SIMULATOR_FAULTS = [
  'latency',
  'reload_before',
  'reload_after',
  'lose_reply',
  'ghost',
  'session_lost',
  'busy',
  'hang',
  'crash',
  'too_large',
  'disconnect',
] as const;

/** A strike without its place in the order. */
type Draft = Omit<Strike, 'n'>;

/**
 * What is done to the system and when: a pure function of the seed, the length and the names. Two lanes run side by side (kills, and
 * everything else), each through a bag of all its kinds before any comes again, so that a short run has them all. No target is struck
 * again before its last harm is over; down time beyond that is for the harness to wait for.
 */
export function scheduleOf({ seed, minutes, targets }: ScheduleOptions): Strike[] {
  const random = seededRandom(seed);
  const lengthMs = minutes * 60_000;
  const busyUntil = new Map<string, number>();
  const drafts: Draft[] = [];
  const kills = bag(killBag(targets), random.branch('kills'));
  const faults = bag(faultBag(targets), random.branch('faults'));
  const times = [
    ...lane(KILL_EVERY_MS, lengthMs, random.branch('kill times')).map((atMs) => ({ atMs, next: kills })),
    ...lane(FAULT_EVERY_MS, lengthMs, random.branch('fault times')).map((atMs) => ({ atMs, next: faults })),
  ].sort((left, right) => left.atMs - right.atMs);
  for (const { atMs, next } of times) {
    const plan = next();
    if (plan === undefined) continue;
    const draft = plan(atMs, random, (target) => (busyUntil.get(target) ?? 0) <= atMs);
    if (draft === undefined) continue;
    busyUntil.set(draft.target, atMs + draft.holdMs);
    drafts.push(draft);
  }
  return drafts.map((draft, index) => ({ n: index + 1, ...draft }));
}

/** Makes a strike for that moment; undefined when everything it could strike is struck already. */
type Plan = (atMs: number, random: Random, free: (target: string) => boolean) => Draft | undefined;

function lane(everyMs: number, lengthMs: number, random: Random): number[] {
  const times: number[] = [];
  for (let dueMs = QUIET_AT_FIRST_MS; dueMs < lengthMs - QUIET_AT_LAST_MS; dueMs += everyMs)
    times.push(Math.round(dueMs + random.next() * everyMs * JITTER));
  return times.filter((atMs) => atMs < lengthMs - QUIET_AT_LAST_MS);
}

/** Everything in it once, in another order each time round. */
function bag(plans: readonly Plan[], random: Random): () => Plan | undefined {
  let left: Plan[] = [];
  return () => {
    if (left.length === 0) left = random.shuffled(plans);
    return left.pop();
  };
}

interface Shape {
  readonly nemesis: NemesisKind;
  readonly holdMs: readonly [number, number];
  readonly faults?: readonly [string, ...string[]];
}

/** One of the targets that is free now. */
function plan(names: readonly string[], { nemesis, holdMs, faults }: Shape): Plan {
  return (atMs, random, free) => {
    const [first, ...rest] = names.filter(free);
    if (first === undefined) return undefined;
    return {
      atMs,
      nemesis,
      target: random.pick([first, ...rest]),
      holdMs: random.between(...holdMs),
      ...(faults === undefined ? {} : { fault: random.pick(faults) }),
    };
  };
}

/** Every kind of process once; workers as often as there are of them, for they are what it is about. */
function killBag({ processes }: Targets): Plan[] {
  const kinds = [...new Set(processes.map(({ kind }) => kind))];
  return kinds.flatMap((kind) => {
    const names = namesOf(processes, kind);
    const times = kind === 'worker' ? names.length : 1;
    return Array.from({ length: times }, () => plan(names, { nemesis: 'kill', holdMs: [50, 1_500] }));
  });
}

const namesOf = (processes: Targets['processes'], ...kinds: ProcessKind[]): string[] =>
  processes.filter(({ kind }) => kinds.includes(kind)).map(({ name }) => name);

/** A partition outlasts an election (4 to 9 s): the others go on, and what comes late comes to a server that was left behind. */
const CLUSTER_PLANS = [
  plan(['*'], { nemesis: 'leader_kill', holdMs: [500, 3_000] }),
  plan(['nats-routes'], {
    nemesis: 'partition',
    holdMs: [6_000, 15_000],
    faults: ['partition_leader', 'partition_follower'],
  }),
];

function faultBag({ processes, wires, editors }: Targets): Plan[] {
  const workers = namesOf(processes, 'worker');
  const nats = namesOf(processes, 'nats');
  const others = namesOf(
    processes,
    'nats',
    'postgres',
    'standby',
    'simulator',
    'gate',
    'ingest',
    'projector',
  );
  const wirePlans = WIRE_FAULTS.map((fault) =>
    plan(wires, { nemesis: 'wire', holdMs: [300, 4_000], faults: [fault] }),
  );
  return [
    // Longer than a silent worker keeps its partitions (3 beats), so that it wakes as a zombie.
    plan(workers, { nemesis: 'pause', holdMs: [4_500, 9_000], faults: ['pause'] }),
    plan(workers, { nemesis: 'pause', holdMs: [4_500, 9_000], faults: ['pause'] }),
    plan(others, { nemesis: 'pause', holdMs: [500, 3_000], faults: ['pause'] }),
    ...wirePlans,
    plan(editors, { nemesis: 'simulator_fault', holdMs: [1_000, 3_000], faults: SIMULATOR_FAULTS }),
    plan(editors, { nemesis: 'simulator_fault', holdMs: [1_000, 3_000], faults: SIMULATOR_FAULTS }),
    plan(editors, { nemesis: 'reload', holdMs: [200, 1_500] }),
    plan(editors, { nemesis: 'editor_away', holdMs: [3_000, 8_000] }),
    plan(workers, { nemesis: 'leave_join', holdMs: [500, 3_000] }),
    plan(namesOf(processes, 'postgres'), { nemesis: 'postgres_stop', holdMs: [1_000, 5_000] }),
    plan(nats.slice(0, 1), { nemesis: 'disk_full', holdMs: [500, 2_000] }),
    ...(nats.length > 1 ? CLUSTER_PLANS : []),
  ];
}
