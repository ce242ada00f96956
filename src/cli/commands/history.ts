import type { Command } from 'commander';
import { createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { listOf, operationReply } from '../replies.js';
import { table } from '../text.js';
import { type CommandContext, clientCommand, examples, parseCount, parseToken, print } from './context.js';

const DEFAULT_LIMIT = 50;
const SHA_CHARS = 10;

interface HistoryOptions extends ConnectionOptions {
  readonly limit: number;
}

export function historyCommand(context: CommandContext): Command {
  return clientCommand('history', "Show a session's operations (its undo log), newest first")
    .argument('<session>', 'the session', parseToken)
    .option('-n, --limit <count>', 'at most so many', parseCount, DEFAULT_LIMIT)
    .addHelpText('after', examples(['spark history demo', 'spark history demo --json']))
    .action(async (session: string, options: HistoryOptions) =>
      context.run(() => history(context.host, session, options)),
    );
}

async function history(host: CliHost, session: string, options: HistoryOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const reply = await api.call({
    path: `/v1/sessions/${segment(session)}/operations?limit=${options.limit}`,
  });
  const { items: operations } = expectShape(listOf(operationReply), reply.body, 'list of operations');
  print(host, options, reply.body, () =>
    operations.length === 0
      ? `Session ${session} has changed nothing.\n`
      : table(
          ['OPERATION', 'STATE', 'TOOL', 'PATH', 'EDITOR', 'BEFORE', 'AFTER', 'WHEN'],
          operations.map((row) => [
            row.operationId,
            row.state,
            row.tool,
            row.path,
            row.editor,
            shortSha(row.beforeSha256),
            shortSha(row.afterSha256),
            row.ts,
          ]),
        ),
  );
  return EXIT.ok;
}

function shortSha(sha: string | null | undefined): string {
  return sha ? sha.slice(0, SHA_CHARS) : '(absent)';
}
