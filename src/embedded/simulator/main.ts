/** The simulator as its own process: `node main.js --state DIR …`; see `--help`. */
import { HELP, parseCommandLine } from './command-line.js';
import { SimulatorError } from './errors.js';
import { type RunningSimulator, startSimulator } from './start-simulator.js';

const EXIT_BAD_ARGUMENTS = 2;
const EXIT_FAILED = 1;

async function main(): Promise<void> {
  const line = parseCommandLine(process.argv.slice(2));
  if (line.kind === 'help') {
    process.stdout.write(HELP);
    return;
  }
  let simulator: RunningSimulator | undefined;
  let ending = false;
  const end = (): void => {
    if (ending) return;
    ending = true;
    const stopped = simulator?.stop() ?? Promise.resolve();
    stopped.then(
      () => process.exit(0),
      () => process.exit(EXIT_FAILED),
    );
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);
  if (line.exitWithStdin) {
    // Whoever started this holds the other end; when it dies, by whatever means, the pipe closes.
    process.stdin.on('end', end).on('close', end).on('error', end).resume();
  }
  simulator = await startSimulator(line.options);
  if (ending) return process.exit(0);
  const { url, sim, projects, effectLog } = simulator;
  process.stdout.write(`${JSON.stringify({ url, sim, projects, effectLog, pid: process.pid })}\n`);
}

main().catch((error: unknown) => {
  const known = error instanceof SimulatorError;
  process.stderr.write(`simulator: ${known ? `${error.code}: ${error.message}` : String(error)}\n`);
  process.exit(known && error.code === 'bad_arguments' ? EXIT_BAD_ARGUMENTS : EXIT_FAILED);
});
