import type { History } from './history.js';

/**
 * What the parts of the harness know of one another: the system under test, who loads it (workloads) and who hurts it (nemeses).
 * Whoever only uses the system takes `System`; nemeses take `ControlledSystem`, which can also end and start what runs.
 */

export const PROCESS_KINDS = [
  'nats',
  'postgres',
  'standby',
  'simulator',
  'gate',
  'ingest',
  'worker',
  'projector',
] as const;
export type ProcessKind = (typeof PROCESS_KINDS)[number];

/** One process of the system under test. */
export interface SystemProcess {
  /** Unique: `worker-2`, `nats-1`, `postgres`. */
  readonly name: string;
  readonly kind: ProcessKind;
  /** Undefined while it is down. */
  readonly pid: number | undefined;
}

/** One way into NATS: a user and where it connects. Browsers' and clients' traffic is never behind a faulty wire. */
export interface NatsAccess {
  /** One URL a server; more than one in a cluster. */
  readonly urls: readonly string[];
  readonly user: string;
  readonly password: string;
  readonly inboxPrefix: string;
}

/** A simulated editor and where its project lies on this machine. */
export interface SystemEditor {
  readonly name: string;
  readonly projectFolder: string;
}

/** Where everything is. Addresses hold for the whole run: what is started again is found at the same place. */
export interface System {
  /** The run's folder: history, logs, data. */
  readonly dir: string;
  /** The HTTP side of each ingest process, e.g. `http://127.0.0.1:20001`; the token has every scope. */
  readonly http: readonly { readonly url: string; readonly token: string }[];
  readonly nats: {
    /** For workloads: a team's own program (`client`). */
    readonly client: NatsAccess;
    /** For the checker: reads every stream (`admin`). */
    readonly admin: NatsAccess;
  };
  /** As the superuser on the database `spark`; the checker also rebuilds into a schema of its own. */
  readonly postgres: { readonly primaryUrl: string; readonly replicaUrl: string };
  readonly simulator: {
    /** Base of `/mcp`, `/sim/...` and `/health`. Straight, not through a wire. */
    readonly url: string;
    /** JSON lines, append-only, survives kill -9. */
    readonly effectLog: string;
  };
  readonly editors: readonly SystemEditor[];
  readonly partitions: number;
  readonly processes: readonly SystemProcess[];
}

/** Loads the system until the signal aborts, then ends what it has under way and resolves. Failures of the system are history, not errors. */
export interface Workload {
  readonly name: string;
  run(system: System, history: History, signal: AbortSignal): Promise<void>;
}

/** A process that the harness may end and start. */
export interface ControlledProcess extends SystemProcess {
  /** Starts it and resolves when it answers; a start that fails is tried again until the signal aborts. Idempotent. */
  start(signal: AbortSignal): Promise<void>;
  /** SIGTERM and its escalation, as an operator stops it; resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
  /** SIGKILL; resolves when it is gone and stays down until `start`. */
  kill(): Promise<void>;
  /** SIGSTOP, SIGCONT. Of a process that is down: nothing happens. */
  pause(): void;
  resume(): void;
  /**
   * Resolves when it does its work again for others (what that is depends on the kind), asked from outside. Call it before the fault:
   * it notes what must come back, and returns the wait; undefined when nothing must (a worker that owns nothing), or nobody can tell.
   */
  watchRecovery(): Promise<((signal: AbortSignal) => Promise<void>) | undefined>;
  /**
   * Runs `work` while no other fault may touch this process. False, and nothing is run, when the signal aborts first.
   */
  exclusively(work: () => Promise<void>, signal: AbortSignal): Promise<boolean>;
}

/** What a wire does with the bytes of one connection between two processes. */
export type WireFault =
  /** Every connection ends; new ones are let through. */
  | { readonly kind: 'cut' }
  /** Nothing moves in either direction, and nobody is told; what was sent arrives when it is healed. */
  | { readonly kind: 'black_hole' }
  /** Each chunk arrives that much later, in order. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Requests arrive; every byte of the answers is thrown away. Ends in a cut: a stream with a hole cannot go on. */
  | { readonly kind: 'lose_reply' };

/** The wire from one process to another. */
export interface Wire {
  /** `worker-1→nats`. */
  readonly name: string;
  readonly from: string;
  readonly to: ProcessKind;
  hurt(fault: WireFault): void;
  heal(): void;
}

export interface ControlledSystem extends System {
  readonly processes: readonly ControlledProcess[];
  readonly wires: readonly Wire[];
  readonly disk: SmallDisk;
  /** Cuts a server of the cluster off from the others, and nobody else; undefined without a cluster. */
  readonly routes: { isolate(server: string): void; heal(): void } | undefined;
  /** The name of the process that leads the log's stream; undefined without a cluster, or while there is none. */
  logLeader(): Promise<string | undefined>;
  readonly history: History;
  /** Notes how long it took until its work went on (see `Recovery`). */
  recovered(recovery: Recovery): void;
}

/** How long the work of a process stood still. */
export interface Recovery {
  readonly process: string;
  readonly kind: ProcessKind;
  /** What was done to it: `kill`, `pause`, … */
  readonly fault: string;
  /**
   * From the harm, where others take over (workers, the servers of a cluster). Where nobody can, from its start: for how long the harness
   * keeps it down says nothing about it.
   */
  readonly ms: number;
}

/** A way to make NATS run out of room that the server itself enforces. */
export interface SmallDisk {
  /** `loop`, `tmpfs`: a mounted disk of its own (an image file, memory), filled to the last byte. `stream_limit`: the command stream's own `max_bytes` (no root). */
  readonly way: 'loop' | 'tmpfs' | 'stream_limit';
  fill(signal: AbortSignal): Promise<void>;
  free(): Promise<void>;
}

/** What a nemesis is asked to do: data, so that a schedule can be printed and repeated. */
export interface Strike {
  readonly n: number;
  /** Ms after the run began. */
  readonly atMs: number;
  readonly nemesis: NemesisKind;
  /** A process, a wire or an editor by name; `*` where there is no choice. */
  readonly target: string;
  /** How long the harm lasts (down time, pause, cut), ms. */
  readonly holdMs: number;
  /** Which of its faults, where a nemesis has several. */
  readonly fault?: string | undefined;
}

export const NEMESIS_KINDS = [
  'kill',
  'pause',
  'wire',
  'simulator_fault',
  'reload',
  'editor_away',
  'leave_join',
  'postgres_stop',
  'disk_full',
  'leader_kill',
  'partition',
] as const;
export type NemesisKind = (typeof NEMESIS_KINDS)[number];

/** One way to hurt the system. Bounded: resolves healed, whatever happens, also when the signal aborts early. */
export interface Nemesis {
  readonly kind: NemesisKind;
  inject(
    system: ControlledSystem,
    strike: Strike,
    signal: AbortSignal,
  ): Promise<{ readonly healed: boolean }>;
}
