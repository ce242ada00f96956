import type { Command } from 'commander';
import { type Api, createApi, expectShape, segment } from '../api.js';
import { type ConnectionOptions, resolveConnection } from '../connection.js';
import { EXIT } from '../exitCodes.js';
import type { CliHost } from '../host.js';
import { type PlanReply, planReply, submitReply } from '../replies.js';
import { diffText, printable, stateText } from '../text.js';
import { type CommandContext, clientCommand, examples, parseSeconds, parseToken, print } from './context.js';
import { waitAndPrint } from './submit.js';

type Direction = 'undo' | 'redo';

const DEFAULT_WAIT_S = 60;

interface UndoOptions extends ConnectionOptions {
  readonly dryRun?: boolean;
  readonly wait?: number | true;
}

const ABOUT = {
  undo: "Undo a session's newest operation or unit, or the named one",
  redo: 'Redo what was undone last, or the named operation or unit',
} as const;

export function undoCommand(context: CommandContext, direction: Direction): Command {
  return clientCommand(direction, ABOUT[direction])
    .argument('<session>', 'the session', parseToken)
    .argument('[operationId]', 'an operation or unit that `spark history` shows')
    .option('--dry-run', 'only show what would change')
    .option('-w, --wait [seconds]', `wait for the outcome (${DEFAULT_WAIT_S} s unless told)`, parseSeconds)
    .addHelpText('after', examples([`spark ${direction} demo --dry-run`, `spark ${direction} demo --wait`]))
    .action(async (session: string, operationId: string | undefined, options: UndoOptions) =>
      context.run(() => undo(context.host, direction, { session, operationId }, options)),
    );
}

async function undo(
  host: CliHost,
  direction: Direction,
  what: { session: string; operationId: string | undefined },
  options: UndoOptions,
): Promise<number> {
  const api = createApi(resolveConnection(options, host.env), host);
  const plan = await askPlan(api, direction, what.session, what.operationId);
  if (!options.json || options.dryRun) print(host, options, plan, () => planText(host, plan));
  if (options.dryRun) return EXIT.ok;
  // What was shown is what is done: the operation is named, even where the user left the choice to SPARK.
  const operationId = plan.operationId ?? what.operationId;
  const reply = await api.call({
    method: 'POST',
    path: `/v1/sessions/${segment(what.session)}/${direction}`,
    body: operationId === undefined ? {} : { operationId },
  });
  const accepted = expectShape(submitReply, reply.body, 'accept');
  if (options.wait === undefined) {
    print(
      host,
      options,
      { ...accepted, plan },
      () => `${stateText(host, accepted.status)}  ${accepted.commandId}\n`,
    );
    return EXIT.ok;
  }
  return waitAndPrint(api, host, options, {
    commandId: accepted.commandId,
    sessionId: what.session,
    waitS: options.wait === true ? DEFAULT_WAIT_S : options.wait,
  });
}

async function askPlan(
  api: Api,
  direction: Direction,
  session: string,
  operationId: string | undefined,
): Promise<PlanReply> {
  const reply = await api.call({
    method: 'POST',
    path: `/v1/sessions/${segment(session)}/${direction}`,
    body: { dryRun: true, ...(operationId === undefined ? {} : { operationId }) },
  });
  return expectShape(planReply, reply.body, 'plan');
}

export function planText(host: CliHost, plan: PlanReply): string {
  const where = [plan.path, plan.editor && `editor ${plan.editor}`].filter(Boolean).map(printable).join(', ');
  const head =
    plan.operationId === undefined || (plan.operations ?? 1) > 1
      ? `${plan.operations ?? 0} operations on ${plan.filesTotal ?? 0} files\n`
      : `operation ${printable(plan.operationId)}  ${where}\n`;
  const cut = plan.cut === undefined ? '' : `${printable(plan.cut)}\n`;
  return `${head}${plan.diff ? `${diffText(host, plan.diff.trimEnd())}\n` : ''}${cut}`;
}
