import { Command, CommanderError } from 'commander';
import { codeOf, messageOf } from '../core/errors.js';
import { sparkVersion } from '../version.js';
import { cancelCommand } from './commands/cancel.js';
import type { CommandContext } from './commands/context.js';
import { diffCommand } from './commands/diff.js';
import { dlqCommand } from './commands/dlq.js';
import { doctorCommand } from './commands/doctor.js';
import { editorsCommand } from './commands/editors.js';
import { historyCommand } from './commands/history.js';
import { importCommand } from './commands/import.js';
import { listCommand } from './commands/list.js';
import { presetCommand } from './commands/preset.js';
import { previewCommand } from './commands/preview.js';
import { rebuildCommand } from './commands/rebuild.js';
import { reconcileCommand } from './commands/reconcile.js';
import { roleCommands } from './commands/roles.js';
import { rollbackCommand } from './commands/rollback.js';
import { statusCommand } from './commands/status.js';
import { submitCommand } from './commands/submit.js';
import { undoCommand } from './commands/undo.js';
import { uploadCommand } from './commands/upload.js';
import { watchCommand } from './commands/watch.js';
import { ApiError, CliError } from './errors.js';
import { EXIT } from './exitCodes.js';
import type { CliHost } from './host.js';
import { paint, printable } from './text.js';

const EXIT_CODES = `
Exit codes: 0 ok, 1 failed, 2 usage, 3 unreachable, 4 timeout, 5 conflict.
Where SPARK is: --url and --token, or SPARK_URL and SPARK_TOKEN, or endpoints.json in the home (--home, SPARK_HOME, .spark).
`;

/** The whole command line, ready to parse; `run` keeps the exit code of the command that ran. */
export function createProgram(context: CommandContext): Command {
  const program = new Command('spark')
    .description('A durable command pipeline in front of Unity MCP servers')
    .version(sparkVersion())
    .addHelpText('after', EXIT_CODES);
  const commands = [
    ...roleCommands(context),
    rebuildCommand(context),
    submitCommand(context),
    uploadCommand(context),
    watchCommand(context),
    statusCommand(context),
    cancelCommand(context),
    listCommand(context),
    historyCommand(context),
    undoCommand(context, 'undo'),
    undoCommand(context, 'redo'),
    rollbackCommand(context),
    diffCommand(context),
    importCommand(context),
    dlqCommand(context),
    reconcileCommand(context),
    presetCommand(context),
    editorsCommand(context),
    previewCommand(context),
    doctorCommand(context),
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...commands, ...commands.flatMap(({ commands: nested }) => nested)]) {
    command
      .showHelpAfterError('(add --help for what it takes)')
      .exitOverride()
      .configureOutput({
        writeOut: context.host.out,
        writeErr: context.host.err,
        getOutHasColors: () => context.host.color,
        getErrHasColors: () => context.host.color,
      });
  }
  return program;
}

/** Runs one command line (without `node` and the script) and resolves with its exit code. Never throws. */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  let exitCode: number = EXIT.ok;
  const run = async (body: () => Promise<number>): Promise<void> => {
    exitCode = await body();
  };
  const program = createProgram({ host, run });
  try {
    if (argv.length === 0) {
      host.err(program.helpInformation());
      return EXIT.usage;
    }
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    return reportFailure(error, host, argv.includes('--json'));
  }
}

/** With --json the failure is the one document on standard output; without, a line with what to do on standard error. */
function reportFailure(error: unknown, host: CliHost, json: boolean): number {
  const known = error instanceof CliError ? error : undefined;
  const exitCode = known?.exitCode ?? EXIT.failed;
  const code = known?.code ?? codeOf(error) ?? 'internal';
  if (json) {
    const document = { code, message: messageOf(error), hint: known?.hint, ...known?.fields, exitCode };
    host.out(`${JSON.stringify({ error: document })}\n`);
    return exitCode;
  }
  host.err(`${paint(host, 'red', 'error')} ${printable(code)}: ${printable(messageOf(error))}\n`);
  if (error instanceof ApiError)
    for (const problem of error.errors)
      host.err(`  ${printable(problem.pointer || '/')}: ${printable(problem.message)}\n`);
  if (known?.hint !== undefined) host.err(`${printable(known.hint)}\n`);
  return exitCode;
}
