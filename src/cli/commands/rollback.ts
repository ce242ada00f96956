import type { Command } from 'commander';
import { type Api, createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { type PlanReply, planReply, submitReply } from '../replies.js';
import { stateText } from '../text.js';
import { type CommandContext, clientCommand, examples, parseSeconds, parseToken, print } from './context.js';
import { waitAndPrint } from './submit.js';
import { planText } from './undo.js';

const DEFAULT_WAIT_S = 120;

interface RollbackOptions extends ConnectionOptions {
  readonly to: string;
  readonly dryRun?: boolean;
  readonly key?: string;
  readonly wait?: number | true;
}

export function rollbackCommand(context: CommandContext): Command {
  return clientCommand(
    'rollback',
    'Undo everything of a session after an operation or a moment, all or nothing',
  )
    .argument('<session>', 'the session', parseToken)
    .requiredOption('--to <id|time>', 'the newest operation (or unit) that stays, or a moment in ISO 8601')
    .option('--dry-run', 'only show what would change')
    .option('-k, --key <key>', 'idempotency key: the same key is the same command')
    .option('-w, --wait [seconds]', `wait for the outcome (${DEFAULT_WAIT_S} s unless told)`, parseSeconds)
    .addHelpText(
      'after',
      examples([
        'spark rollback demo --to 2030-01-31T12:00:00Z --dry-run',
        'spark rollback demo --to 7a5f6f6e-1d53-8f0a-8d4b-2f6f3b2f0c11 --wait',
      ]),
    )
    .action(async (session: string, options: RollbackOptions) =>
      context.run(() => rollback(context.host, session, options)),
    );
}

async function rollback(host: CliHost, session: string, options: RollbackOptions): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const path = `/v1/sessions/${segment(session)}/rollback`;
  const plan = await askPlan(api, path, options.to);
  if (!options.json || options.dryRun) print(host, options, plan, () => planText(host, plan));
  if (options.dryRun) return EXIT.ok;
  const reply = await api.call({
    method: 'POST',
    path,
    body: { to: options.to },
    ...(options.key === undefined ? {} : { headers: { 'idempotency-key': options.key } }),
  });
  const accepted = expectShape(submitReply, reply.body, 'accept');
  if (options.wait === undefined) {
    const document = { ...accepted, plan };
    print(host, options, document, () => `${stateText(host, accepted.status)}  ${accepted.commandId}\n`);
    return EXIT.ok;
  }
  return waitAndPrint(api, host, options, {
    commandId: accepted.commandId,
    sessionId: session,
    waitS: options.wait === true ? DEFAULT_WAIT_S : options.wait,
  });
}

async function askPlan(api: Api, path: string, to: string): Promise<PlanReply> {
  const reply = await api.call({ method: 'POST', path, body: { to, dryRun: true } });
  return expectShape(planReply, reply.body, 'plan');
}
