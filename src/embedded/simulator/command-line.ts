import { parseArgs } from 'node:util';
import { SimulatorError } from './errors.js';
import { DEFAULT_OPTIONS, type SimulatorOptions } from './options.js';

export const HELP = `Usage: node main.js --state DIR [options]

A simulated Unity MCP server (Streamable HTTP at /mcp) with real project folders.
Prints one JSON line when ready: {"url","sim","projects","effectLog","pid"}.

  --state DIR                 folder for projects and the effect log (required)
  --port N                    port to listen on; 0 takes a free one (default 0)
  --host HOST                 address to bind (default 127.0.0.1; loopback only)
  --editors a,b               editors to have (default: default)
  --exit-with-stdin           exit when standard input closes
  --call-limit-ms N           when a command gets TimeoutError (default 30000)
  --fast-call-limit-ms N      the same for ping and read_console (default 2000)
  --away-read-wait-ms N       how long reads wait for an editor that is away (default 20000)
  --away-mutation-wait-ms N   how long script mutations wait for it (default 40000)
  --build-ms N                how long a build takes (default 3000)
  --tests-ms N                how long a test run takes (default 1000)
  --reload-after-script-ms N  domain reload after each script mutation; 0: none (default 0)
  --no-fsync                  do not wait for the disk (benchmarks only)
  --help                      this text
`;

export type CommandLine =
  | { readonly kind: 'help' }
  | { readonly kind: 'run'; readonly options: SimulatorOptions; readonly exitWithStdin: boolean };

const MS_FLAGS = {
  'call-limit-ms': 'callLimitMs',
  'fast-call-limit-ms': 'fastCallLimitMs',
  'away-read-wait-ms': 'awayReadWaitMs',
  'away-mutation-wait-ms': 'awayMutationWaitMs',
  'build-ms': 'buildMs',
  'tests-ms': 'testsMs',
  'reload-after-script-ms': 'reloadAfterScriptMs',
} as const;

const PORT_MAX = 65_535;
const DURATION_MAX_MS = 24 * 60 * 60 * 1000;

/** Reads the arguments after the script's name; throws SimulatorError `bad_arguments`. */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const { values } = readFlags(argv);
  if (values['help'] === true) return { kind: 'help' };
  const stateDir = values['state'];
  if (typeof stateDir !== 'string' || stateDir === '') throw bad('--state DIR is required');
  const durations: Partial<Record<(typeof MS_FLAGS)[keyof typeof MS_FLAGS], number>> = {};
  for (const flag of Object.keys(MS_FLAGS) as (keyof typeof MS_FLAGS)[]) {
    if (values[flag] !== undefined) durations[MS_FLAGS[flag]] = integer(flag, values[flag], DURATION_MAX_MS);
  }
  const editors = values['editors'];
  const options: SimulatorOptions = {
    ...DEFAULT_OPTIONS,
    ...durations,
    stateDir,
    port: integer('port', values['port'] ?? '0', PORT_MAX),
    host: String(values['host'] ?? DEFAULT_OPTIONS.host),
    editors:
      typeof editors === 'string'
        ? editors.split(',').filter((name) => name !== '')
        : DEFAULT_OPTIONS.editors,
    fsync: values['no-fsync'] !== true,
  };
  return { kind: 'run', options, exitWithStdin: values['exit-with-stdin'] === true };
}

function readFlags(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean' } as const;
  const durations = Object.fromEntries(Object.keys(MS_FLAGS).map((name) => [name, text]));
  try {
    return parseArgs({
      args: [...argv],
      options: {
        ...durations,
        state: text,
        port: text,
        host: text,
        editors: text,
        'exit-with-stdin': flag,
        'no-fsync': flag,
        help: flag,
      } as Record<string, { type: 'string' | 'boolean' }>,
      allowPositionals: false,
    });
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error));
  }
}

function integer(flag: string, value: unknown, max: number): number {
  const text = String(value);
  const number = Number(text);
  if (!/^\d+$/.test(text) || number > max)
    throw bad(`--${flag} takes a whole number from 0 to ${max}, not '${text}'`);
  return number;
}

function bad(message: string): SimulatorError {
  return new SimulatorError('bad_arguments', `${message} (see --help)`);
}
