import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { type Api, createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { UsageError } from '../errors.js';
import { EXIT } from '../exitCodes.js';
import { staleText } from '../freshness.js';
import type { CliHost } from '../host.js';
import { exportReply, operationReply, pageOf } from '../replies.js';
import { printable, table } from '../text.js';
import { type CommandContext, clientCommand, examples, parseCount, parseToken, print } from './context.js';

const DEFAULT_LIMIT = 50;
const SHA_CHARS = 10;

interface HistoryOptions extends ConnectionOptions {
  readonly path?: string;
  readonly tool?: string;
  readonly editor?: string;
  readonly state?: string;
  readonly since?: string;
  readonly until?: string;
  readonly cursor?: string;
  readonly limit: number;
  readonly export?: string;
}

export function historyCommand(context: CommandContext): Command {
  return clientCommand('history', 'Show operations (the undo log), newest first')
    .argument('[session]', 'the session; all sessions when absent', parseToken)
    .option('-p, --path <path>', 'on this file, or on all that begin with it when it ends in "*"')
    .option('-t, --tool <type>', 'by this command, e.g. unity.apply_patch')
    .option('-e, --editor <id>', 'of this editor', parseToken)
    .addOption(new Option('--state <state>', 'in this state').choices(['applied', 'undone', 'conflict']))
    .option('--since <time>', 'made at or after (ISO 8601)')
    .option('--until <time>', 'made before (ISO 8601)')
    .option('--cursor <cursor>', 'go on where an earlier answer ended')
    .option('-n, --limit <count>', 'at most so many', parseCount, DEFAULT_LIMIT)
    .option(
      '--export <file>',
      "write the session's operations with the bytes of their files, for `spark import`",
    )
    .addHelpText(
      'after',
      examples([
        'spark history demo',
        "spark history --path 'Assets/Game/*' --since 2030-01-31T00:00:00Z --json",
        'spark history demo --export demo.json',
      ]),
    )
    .action(async (session: string | undefined, options: HistoryOptions) =>
      context.run(() => history(context.host, session, options)),
    );
}

async function history(host: CliHost, session: string | undefined, options: HistoryOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  if (options.export !== undefined) return exportTo(api, host, session, options.export, options);
  const query = new URLSearchParams({ limit: String(options.limit) });
  for (const name of ['path', 'tool', 'editor', 'state', 'since', 'until', 'cursor'] as const) {
    const value = options[name];
    if (value !== undefined) query.set(name, value);
  }
  const path = session === undefined ? '/v1/operations' : `/v1/sessions/${segment(session)}/operations`;
  const reply = await api.call({ path: `${path}?${query.toString()}` });
  const {
    items: operations,
    nextCursor,
    freshness,
  } = expectShape(pageOf(operationReply), reply.body, 'list of operations');
  const nothing =
    session === undefined ? 'No operation fits.\n' : `Session ${session} has changed nothing that fits.\n`;
  const older = nextCursor ? `Older ones: --cursor ${printable(nextCursor)}\n` : '';
  const more = `${older}${staleText(freshness)}`;
  print(host, options, reply.body, () =>
    operations.length === 0
      ? `${nothing}${staleText(freshness)}`
      : `${table(
          ['OPERATION', 'STATE', 'TOOL', 'PATH', 'EDITOR', 'BEFORE', 'AFTER', 'WHEN', 'UNIT'],
          operations.map((row) => [
            row.operationId,
            row.state,
            row.tool,
            row.path,
            row.editor,
            shortSha(row.beforeSha256),
            shortSha(row.afterSha256),
            row.ts,
            row.unitId,
          ]),
        )}${more}`,
  );
  return EXIT.ok;
}

async function exportTo(
  api: Api,
  host: CliHost,
  session: string | undefined,
  file: string,
  options: ConnectionOptions,
): Promise<number> {
  if (session === undefined) throw new UsageError('--export is for one session: name it');
  const reply = await api.call({ path: `/v1/sessions/${segment(session)}/operations/export` });
  const { operations, cut } = expectShape(exportReply, reply.body, 'export');
  // What it holds are the project's files: not for everybody on this machine.
  await writeFile(file, `${JSON.stringify(reply.body)}\n`, { mode: 0o600 });
  const told = { file, operations: operations.length, cut: cut ?? null };
  const warning = cut ? `${printable(cut)}\n` : '';
  print(host, options, told, () => `${operations.length} operations written to ${file}\n${warning}`);
  return EXIT.ok;
}

function shortSha(sha: string | null | undefined): string {
  return sha ? sha.slice(0, SHA_CHARS) : '(absent)';
}
