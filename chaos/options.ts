import { parseArgs } from 'node:util';

export const HELP = `Usage: npm run chaos -- [options]

Runs SPARK as separate processes under load, hurts them by a schedule, heals them, and holds what happened against the invariants
I1 to I12. Exit code 0: every one holds. 1: a violation, or a system that does not settle. 2: wrong options.

  --minutes N   how long it is loaded and hurt (default 3; fractions are fine)
  --seed S      decides the schedule and the load; any text (default: a new one, printed)
  --cluster     three nats-servers and R3 instead of one
  --only K,K    nemeses to use, by kind (kill, pause, wire, simulator_fault, reload, editor_away, leave_join, postgres_stop,
                disk_full, leader_kill, partition); none: "calm"
  --keep        keep the folder (kept anyway after a violation)
  --json        print the report as JSON
  --help        this text
`;

export interface ChaosOptions {
  readonly minutes: number;
  readonly seed: string;
  readonly cluster: boolean;
  /** Undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly keep: boolean;
  readonly json: boolean;
}

const MINUTES_MAX = 24 * 60;

export class OptionsError extends Error {
  readonly code = 'bad_options';
}

/** The command line as options; undefined when help is asked for. Throws `OptionsError`. */
export function parseOptions(argv: readonly string[], newSeed: () => string): ChaosOptions | undefined {
  const { values } = flagsOf(argv);
  if (values.help === true) return undefined;
  const minutes = Number(values.minutes ?? '3');
  if (!(minutes > 0) || minutes > MINUTES_MAX)
    throw new OptionsError(`--minutes takes a number above 0, at most ${MINUTES_MAX}`);
  return {
    minutes,
    seed: values.seed ?? newSeed(),
    cluster: values.cluster === true,
    only: values.only?.split(',').filter((kind) => kind !== ''),
    keep: values.keep === true,
    json: values.json === true,
  };
}

function flagsOf(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string' },
        only: { type: 'string' },
        cluster: { type: 'boolean' },
        keep: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new OptionsError(error instanceof Error ? error.message : String(error));
  }
}
