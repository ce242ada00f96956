/** `npm run chaos`: see `--help`. */
import { randomBytes } from 'node:crypto';
import { checkRun } from './checker/checkRun.js';
import { type ChaosOptions, HELP, OptionsError, parseOptions } from './options.js';
import type { Recovery } from './ports.js';
import { settle } from './quiescence.js';
import { type Report, reportOf, writeReport } from './report.js';
import { type Ran, runChaos, SETTLE_LIMIT_MS } from './run.js';
import { allWorkloads } from './workloads/all.js';

const EXIT = { passed: 0, violated: 1, usage: 2 } as const;

class BrokenOffError extends Error {
  readonly code = 'broken_off';
}

interface Verdict {
  readonly passed: boolean;
  readonly report: Report;
  readonly table: string;
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), () => randomBytes(6).toString('hex'));
  if (options === undefined) {
    process.stdout.write(HELP);
    return EXIT.passed;
  }
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const ended = abortedBySignals(say);
  const { verdict } = await runChaos(
    { ...options, workloads: allWorkloads(options.seed), say },
    ended,
    async (ran) => {
      const found = await judged(ran, options, ended, say);
      // Before anything is ended: what happens then must not take the report along.
      process.stdout.write(options.json ? `${JSON.stringify(found.report)}\n` : found.table);
      return found;
    },
    // What somebody has broken off proves nothing, and nobody will look at it.
    (found) => options.keep || (found?.passed !== true && !ended.aborted),
  );
  return verdict.passed ? EXIT.passed : EXIT.violated;
}

/** Aborts at the first Ctrl-C or SIGTERM. At the second we leave at once: everything we started has a watcher that ends it then. */
function abortedBySignals(say: (line: string) => void): AbortSignal {
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (abort.signal.aborted) process.exit(EXIT.violated);
      say('stopping …');
      abort.abort(new BrokenOffError(`broken off by ${signal}`));
    });
  return abort.signal;
}

/** Holds a run against the invariants and writes the report. A harm that could not be healed is no pass either. */
async function judged(
  ran: Ran,
  options: ChaosOptions,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<Verdict> {
  const { system, history, settled, struck, dir } = ran;
  const projector = system.processes.find(({ kind }) => kind === 'projector');
  say('holding what happened against the invariants');
  let last = settled;
  const checked = await checkRun(system, history, {
    settle: async () => {
      last = await settle(system, system.observer, SETTLE_LIMIT_MS, signal);
    },
    stopProjector: projector && (() => projector.stop()),
    signal,
  });
  const { seed, minutes, cluster } = options;
  const unhealed = struck.filter(({ outcome }) => outcome !== 'healed');
  const report = reportOf(checked, {
    ...{ seed, minutes, cluster },
    recoveries: system.recoveries.map(forReport),
    settledMs: settled.settled && last.settled ? settled.tookMs : undefined,
    troubles: [
      ...checked.troubles,
      ...unhealed.map(
        ({ strike, outcome, detail }) =>
          `strike ${strike.n}, ${strike.nemesis} of ${strike.target}: ${outcome} ${detail ?? ''}`,
      ),
      ...[...settled.open, ...last.open].map((thing) => `still open: ${thing}`),
    ],
  });
  return { passed: report.passed, report, table: writeReport(dir, report) };
}

/** Kills by the kind of process; whatever else was done to one is told beside it. */
const forReport = ({ kind, fault, ms }: Recovery): { kind: string; ms: number } => ({
  kind: fault === 'kill' ? kind : `${kind}, ${fault}`,
  ms,
});

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${lineOf(error)}\n`);
    // Whoever reads only the last line must not take it for a run that passed.
    if (!(error instanceof OptionsError)) process.stderr.write('chaos: FAILED · the run was not judged\n');
    process.exit(error instanceof OptionsError ? EXIT.usage : EXIT.violated);
  },
);

/** What is expected in one line, the rest with its stack. */
function lineOf(error: unknown): string {
  if (error instanceof OptionsError) return `${error.message}\n${HELP}`;
  if (error instanceof BrokenOffError || !(error instanceof Error)) return String(error);
  return error.stack ?? error.message;
}
