import type { Readable } from 'node:stream';
import type { Clock } from '../core/clock.js';
import type { RebuildProgress } from '../projections/rebuild/meter.js';
import type { CliEnvironment } from './settings.js';

export const ROLES = ['ingest', 'worker', 'projector', 'gate', 'simulator'] as const;
export type Role = (typeof ROLES)[number];

export interface StartOptions {
  /** Wipes the home first. */
  readonly fresh: boolean;
  readonly demo: boolean;
  /** Absolute; undefined: what the environment says. */
  readonly home: string | undefined;
  readonly json: boolean;
}

export interface RoleOptions {
  readonly home: string | undefined;
  readonly json: boolean;
}

/** How far a rebuild is; docs at `RebuildProgress` of src/projections/rebuild/meter.ts. */
export type { RebuildProgress } from '../projections/rebuild/meter.js';

export interface RebuildOptions extends RoleOptions {
  /** The read models to rebuild; empty: all. */
  readonly readModels: readonly string[];
  /** A time or a sequence: into a scratch schema, nothing is switched. */
  readonly until: string | undefined;
  readonly schema: string | undefined;
  readonly dropSchema: string | undefined;
  /** Back to what was shown before. */
  readonly rollback: boolean;
  /** Not from where an interrupted rebuild stopped. */
  readonly anew: boolean;
  readonly acceptLoss: boolean;
  readonly onProgress: (progress: RebuildProgress) => void;
  /** Nothing more will be told: before the result is printed. */
  readonly onEnd: () => void;
}

/** The long-running side, src/main.ts, loaded only by the commands that need it. Each resolves with the exit code. */
export interface Runtime {
  runStart(options: StartOptions): Promise<number>;
  runRole(role: Role, options: RoleOptions): Promise<number>;
  runRebuild(options: RebuildOptions): Promise<number>;
}

/** Everything a command touches of the process around it; tests pass their own. */
export interface CliHost {
  /** Writes to standard output: results only. */
  readonly out: (text: string) => void;
  /** Writes to standard error: progress, hints, errors. */
  readonly err: (text: string) => void;
  readonly stdin: Readable;
  readonly env: CliEnvironment;
  /** Whether standard error is a terminal: progress may be redrawn in place. */
  readonly terminal: boolean;
  readonly color: boolean;
  readonly clock: Clock;
  readonly fetch: typeof fetch;
  /** Aborted by Ctrl-C. */
  readonly interrupted: AbortSignal;
  readonly loadRuntime: () => Promise<Runtime>;
}
