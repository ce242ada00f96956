import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { CliHost, Runtime } from '../../src/cli/host.js';
import { runCli } from '../../src/cli/program.js';
import { systemClock } from '../../src/core/clock.js';

export interface Ran {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

export interface Surroundings {
  readonly url?: string;
  readonly token?: string;
  readonly home?: string;
  readonly stdin?: string;
  readonly interrupted?: AbortSignal;
  readonly runtime?: Partial<Runtime>;
  readonly terminal?: boolean;
  readonly color?: boolean;
  /** Called with everything written so far to standard output, after each write. */
  readonly onOut?: (out: string) => void;
}

/** Runs one command line in this process, as `bin/spark.js` would, with nothing of this machine's environment. */
export async function spark(argv: readonly string[], around: Surroundings = {}): Promise<Ran> {
  let out = '';
  let err = '';
  const host: CliHost = {
    out: (text) => {
      out += text;
      around.onOut?.(out);
    },
    err: (text) => {
      err += text;
    },
    stdin: Readable.from([around.stdin ?? '']),
    env: {
      url: around.url,
      token: around.token,
      home: around.home ?? resolve('no-such-home'),
      noColor: true,
    },
    terminal: around.terminal ?? false,
    color: around.color ?? false,
    clock: systemClock,
    fetch: globalThis.fetch,
    interrupted: around.interrupted ?? new AbortController().signal,
    loadRuntime: () => Promise.resolve({ ...nothingRuns, ...around.runtime }),
  };
  return { exitCode: await runCli(argv, host), out, err };
}

const refuse = (): Promise<number> => Promise.reject(new Error('this test starts nothing'));
const nothingRuns: Runtime = { runStart: refuse, runRole: refuse, runRebuild: refuse };
