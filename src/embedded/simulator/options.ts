/** What a simulator can be told, with the defaults of the real server. */
export interface SimulatorOptions {
  /** Folder for projects and the effect log; made if missing. */
  readonly stateDir: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly host: string;
  /** Editors to have; those that an earlier run left in the state folder come too. */
  readonly editors: readonly string[];
  /** Wait for the disk before telling of an effect. Off only for benchmarks. */
  readonly fsync: boolean;
  /** A command that has not answered by then gets a TimeoutError (and may still run). */
  readonly callLimitMs: number;
  /** The same for ping and read_console. */
  readonly fastCallLimitMs: number;
  /** How long a call waits for an editor that is away before it is told so. */
  readonly awayReadWaitMs: number;
  readonly awayMutationWaitMs: number;
  readonly buildMs: number;
  readonly testsMs: number;
  /** Every script mutation is followed by a domain reload this long; 0: none. */
  readonly reloadAfterScriptMs: number;
  readonly now: () => Date;
}

export const DEFAULT_OPTIONS: Omit<SimulatorOptions, 'stateDir'> = {
  port: 0,
  host: '127.0.0.1',
  editors: ['default'],
  fsync: true,
  callLimitMs: 30_000,
  fastCallLimitMs: 2_000,
  awayReadWaitMs: 20_000,
  awayMutationWaitMs: 40_000,
  buildMs: 3_000,
  testsMs: 1_000,
  reloadAfterScriptMs: 0,
  now: () => new Date(),
};

/** Request bodies above this get HTTP 413, as on the real server. */
export const BODY_MAX_BYTES = 4 * 1024 * 1024;
export const EDITORS_MAX = 1024;
export const EDITOR_NAME = /^[A-Za-z0-9_-]{1,64}$/;
