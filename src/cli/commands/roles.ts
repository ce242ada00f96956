import { resolve } from 'node:path';
import { Command } from 'commander';
import { ROLES, type Role } from '../host.js';
import { type CommandContext, examples } from './context.js';

const ABOUT: Readonly<Record<Role, string>> = {
  ingest: 'Run the HTTP API and the submit service as a process of their own',
  worker: 'Run one worker; several share the editors through one gate (SPARK_GATE_URL)',
  projector: 'Run the projections into Postgres',
  gate: 'Run the gate beside the Unity MCP server, for several workers (SPARK_GATE_URL)',
  simulator: 'Run the Unity simulator',
};

const SERVERS = 'NATS_URL=nats://… DATABASE_URL=postgres://… UNITY_MCP_URL=http://…';
const EXAMPLE: Readonly<Record<Role, string>> = {
  ingest: `${SERVERS} SPARK_TOKEN=… spark ingest`,
  worker: 'spark worker          # beside a running `spark start` of the same home: stands by',
  projector: `${SERVERS} SPARK_TOKEN=… spark projector`,
  gate: "UNITY_MCP_URL=http://… NATS_URL=nats://… UNITY_EDITORS='game=Game@1a2b:/path' SPARK_GATE_TOKEN=… spark gate",
  simulator: 'spark simulator       # at http://127.0.0.1:8080/mcp',
};

interface RunOptions {
  readonly home?: string;
  readonly json?: boolean;
}

interface StartFlags extends RunOptions {
  readonly fresh?: boolean;
  readonly demo: boolean;
}

const homeOption = (options: RunOptions): string | undefined =>
  options.home === undefined ? undefined : resolve(options.home);

/** `spark start` and the single roles; what they do is src/main.ts. */
export function roleCommands(context: CommandContext): Command[] {
  const start = new Command('start')
    .description('Run every role in the foreground; parts that no URL names are embedded')
    .option('--fresh', 'wipe the home first: commands, events, read models and the simulated project')
    .option('--no-demo', 'skip the demo of the first start')
    .option('--home <folder>', 'where state lies (SPARK_HOME)')
    .option('--json', 'log and print JSON lines')
    .addHelpText(
      'after',
      examples(['spark start', 'spark start --fresh', 'UNITY_MCP_URL=http://localhost:8080/mcp spark start']),
    )
    .action(async (flags: StartFlags) =>
      context.run(async () =>
        (await context.host.loadRuntime()).runStart({
          fresh: flags.fresh === true,
          demo: flags.demo,
          home: homeOption(flags),
          json: flags.json === true,
        }),
      ),
    );
  return [start, ...ROLES.map((role) => roleCommand(context, role))];
}

function roleCommand(context: CommandContext, role: Role): Command {
  return new Command(role)
    .description(ABOUT[role])
    .option('--home <folder>', 'where state lies (SPARK_HOME)')
    .option('--json', 'log and print JSON lines')
    .addHelpText('after', examples([EXAMPLE[role]]))
    .action(async (options: RunOptions) =>
      context.run(async () =>
        (await context.host.loadRuntime()).runRole(role, {
          home: homeOption(options),
          json: options.json === true,
        }),
      ),
    );
}
