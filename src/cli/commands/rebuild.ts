import { resolve } from 'node:path';
import { Command } from 'commander';
import { UsageError } from '../errors.js';
import type { CliHost, RebuildOptions } from '../host.js';
import { rebuildBar } from '../rebuildBar.js';
import type { CommandContext } from './context.js';
import { examples } from './context.js';

interface RebuildFlags {
  readonly until?: string;
  readonly schema?: string;
  readonly dropSchema?: string;
  readonly rollback?: boolean;
  readonly anew?: boolean;
  readonly acceptLoss?: boolean;
  readonly home?: string;
  readonly json?: boolean;
}

const ABOUT = `
Each table that the log is folded into lives twice, in the schemas spark_blue and spark_green; readers see one of the two. A rebuild
folds the log into the other, beside a running SPARK or with a home that is not running, catches up, and then switches readers over in
one transaction: they never see an error, a half-filled table or a lock. Ended at any point (Ctrl-C, kill -9) it leaves what
readers see as it was, and run again it goes on where it was. What was shown before is kept for --rollback until the next rebuild.

With --until nothing is switched: the read models as they were at a time or after an event (spark_events.seq) are folded into a
schema of their own, which the dashboard role may read until --drop-schema takes it away.

Read models: the tables of docs/sql.md, "rollups" for all of those, "all" (or none named) for everything. docs/rebuild.md has more.
`;

export function rebuildCommand(context: CommandContext): Command {
  return new Command('rebuild')
    .description('Make read models anew from the log of events, without downtime')
    .argument('[readModels...]', 'which, e.g. spark_sessions; all when none is named')
    .option(
      '--until <time|seq>',
      'as they were at 2026-11-21T12:00:00Z, or after an event; into a schema of its own',
    )
    .option('--schema <name>', 'that schema (spark_until_… unless told)')
    .option('--drop-schema <name>', 'drop a schema that --until has made')
    .option('--rollback', 'go back to what was shown before the last rebuild, caught up')
    .option('--anew', 'begin at the beginning even where an interrupted rebuild could go on')
    .option(
      '--accept-loss',
      'go on although the beginning of the history is gone from the stream and from spark_events',
    )
    .option('--home <folder>', 'where state lies (SPARK_HOME)')
    .option('--json', 'print JSON lines: progress, then the result')
    .addHelpText('after', ABOUT)
    .addHelpText(
      'after',
      examples([
        'spark rebuild all',
        'spark rebuild spark_sessions spark_operations',
        'spark rebuild all --rollback',
        'spark rebuild --until 2026-11-21T12:00:00Z',
        'spark rebuild --drop-schema spark_until_20261121t120000z',
      ]),
    )
    .action(async (readModels: string[], flags: RebuildFlags) =>
      context.run(() => rebuild(context.host, readModels, flags)),
    );
}

async function rebuild(host: CliHost, readModels: readonly string[], flags: RebuildFlags): Promise<number> {
  refuseNonsense(readModels, flags);
  const json = flags.json === true;
  const bar = rebuildBar(host, json);
  const options: RebuildOptions = {
    readModels,
    until: flags.until,
    schema: flags.schema,
    dropSchema: flags.dropSchema,
    rollback: flags.rollback === true,
    anew: flags.anew === true,
    acceptLoss: flags.acceptLoss === true,
    home: flags.home === undefined ? undefined : resolve(flags.home),
    json,
    onProgress: (progress) => bar.update(progress),
    onEnd: () => bar.stop(),
  };
  return (await host.loadRuntime()).runRebuild(options);
}

function refuseNonsense(readModels: readonly string[], flags: RebuildFlags): void {
  const modes = (['until', 'rollback', 'dropSchema'] as const).filter((mode) => flags[mode] !== undefined);
  if (modes.length > 1)
    throw new UsageError('--until, --rollback and --drop-schema are three different things: name one');
  if (flags.schema !== undefined && flags.until === undefined)
    throw new UsageError('--schema names where --until puts what it makes');
  if (flags.dropSchema !== undefined && readModels.length > 0)
    throw new UsageError('--drop-schema drops the whole schema: name no read models');
}
