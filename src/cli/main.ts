import { systemClock } from '../core/clock.js';
import { codeOf, messageOf } from '../core/errors.js';
import { CliError } from './errors.js';
import { EXIT } from './exitCodes.js';
import type { CliHost } from './host.js';
import { runCli } from './program.js';
import { type CliEnvironment, readCliEnvironment } from './settings.js';

/** Commands that run a SPARK handle signals themselves (drain, then exit); for all others Ctrl-C aborts what they wait for. */
const HANDLE_SIGNALS: ReadonlySet<string> = new Set([
  'start',
  'ingest',
  'worker',
  'projector',
  'gate',
  'simulator',
  'rebuild',
]);

/** `bin/spark.js` calls this with the arguments behind the script's name; the answer is the process's exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  let env: CliEnvironment;
  try {
    env = readCliEnvironment();
  } catch (error) {
    process.stderr.write(`error: ${messageOf(error)}\n`);
    return error instanceof CliError ? error.exitCode : EXIT.failed;
  }
  const interrupted = new AbortController();
  if (!HANDLE_SIGNALS.has(argv[0] ?? '')) process.once('SIGINT', () => interrupted.abort());
  const pipeClosed = watchForClosedPipe(interrupted);
  const exitCode = await runCli(argv, processHost(env, interrupted.signal));
  return pipeClosed() ? EXIT.ok : exitCode;
}

function processHost(env: CliEnvironment, interrupted: AbortSignal): CliHost {
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    stdin: process.stdin,
    env,
    terminal: process.stderr.isTTY === true,
    color: process.stdout.isTTY === true && process.stderr.isTTY === true && !env.noColor,
    clock: systemClock,
    fetch: globalThis.fetch,
    interrupted,
    loadRuntime: () => import('../main.js'),
  };
}

/** `spark list | head` closes the pipe early: that ends the command, and is no error. */
function watchForClosedPipe(interrupted: AbortController): () => boolean {
  let closed = false;
  process.stdout.on('error', (error) => {
    if (codeOf(error) !== 'EPIPE') throw error;
    closed = true;
    interrupted.abort();
  });
  return () => closed;
}
