/** `/sim/*`: what tests and operators do to the simulator itself. Never part of the system under test. */
import * as z from 'zod';
import { SimulatorError } from './errors.js';
import { type Exchange, parseJson, readBody, sendJson, sendTooLarge } from './exchange.js';
import { FAULT_KINDS, type FaultKind } from './faults.js';
import { EDITOR_NAME } from './options.js';
import type { Simulator } from './simulator.js';

const DURATION_MAX_MS = 24 * 60 * 60 * 1000;
const COUNT_MAX = 1_000_000;
const EFFECTS_PER_ANSWER_MAX = 100_000;

/** How long a fault lasts when it is not said. */
const FAULT_DEFAULT_MS: Readonly<Record<FaultKind, number>> = {
  latency: 1_000,
  reload_before: 500,
  reload_after: 500,
  lose_reply: 0,
  ghost: 500,
  session_lost: 0,
  busy: 500,
  hang: 60_000,
  crash: 1_000,
  too_large: 0,
  disconnect: 0,
};

const ms = z.int().min(0).max(DURATION_MAX_MS);
const editorName = z.string().regex(EDITOR_NAME);

const faultBody = z.strictObject({
  editor: z.union([editorName, z.literal('*')]).default('*'),
  tool: z.string().min(1).default('*'),
  fault: z.enum(FAULT_KINDS),
  count: z.int().min(1).max(COUNT_MAX).default(1),
  ms: ms.optional(),
  reply: z.enum(['disconnected', 'lost', 'verified']).default('disconnected'),
});
const reloadBody = z.strictObject({ editor: editorName, ms: ms.default(1_000) });
const editorBody = z.strictObject({ editor: editorName });
const buildsBody = z.strictObject({ ms: ms.optional(), blocks: z.boolean().optional() });

/** Answers a `/sim/…` request; false when there is no such route. */
export async function serveControl(simulator: Simulator, exchange: Exchange): Promise<boolean> {
  const { request, response, url } = exchange;
  switch (`${request.method} ${url.pathname}`) {
    case 'GET /sim/effects':
      sendEffects(simulator, exchange);
      return true;
    case 'GET /sim/editors':
      sendJson(response, 200, { editors: listEditors(simulator) });
      return true;
    case 'GET /sim/faults':
      sendJson(response, 200, {
        faults: simulator.faults.list().map(({ fault, left }) => ({ ...fault, left })),
      });
      return true;
    case 'DELETE /sim/faults':
      sendJson(response, 200, { cleared: simulator.faults.clear() });
      return true;
    case 'POST /sim/faults':
      await withBody(exchange, faultBody, (body) => armFault(simulator, body));
      return true;
    case 'POST /sim/reload':
      await withBody(exchange, reloadBody, (body) => reload(simulator, body));
      return true;
    case 'POST /sim/builds':
      await withBody(exchange, buildsBody, (body) => tuneBuilds(simulator, body));
      return true;
    case 'POST /sim/editors':
      await withBody(exchange, editorBody, ({ editor: name }) => {
        const editor = simulator.addEditor(name);
        return { instance: editor.instance, project: editor.root };
      });
      return true;
    default:
      return false;
  }
}

function armFault(simulator: Simulator, body: z.output<typeof faultBody>): object {
  const { editor, tool, fault: kind, count, reply } = body;
  simulator.faults.add({ editor, tool, kind, ms: body.ms ?? FAULT_DEFAULT_MS[kind], reply }, count);
  return { armed: simulator.faults.list().length };
}

/** How long builds take from now on, and whether they block their editor. */
function tuneBuilds({ tuning }: Simulator, body: z.output<typeof buildsBody>): object {
  tuning.buildMs = body.ms ?? tuning.buildMs;
  tuning.buildsBlock = body.blocks ?? tuning.buildsBlock;
  return { ...tuning };
}

function reload(simulator: Simulator, body: z.output<typeof reloadBody>): object {
  const editor = simulator.editors.get(body.editor);
  if (editor === undefined) throw new SimulatorError('unknown_editor', `there is no editor '${body.editor}'`);
  editor.goAway(body.ms, false);
  return { editor: editor.name, instance: editor.instance, awayMs: body.ms };
}

function listEditors(simulator: Simulator): object[] {
  return [...simulator.editors.values()].map((editor) => ({
    editor: editor.name,
    instance: editor.instance,
    project: editor.root,
    away: editor.away,
  }));
}

function sendEffects(simulator: Simulator, { response, url }: Exchange): void {
  const after = Number(url.searchParams.get('after') ?? '0');
  if (!Number.isInteger(after) || after < 0) {
    sendJson(response, 400, { code: 'bad_request', error: 'after: a whole number from 0' });
    return;
  }
  const effects = simulator.effects.after(after, EFFECTS_PER_ANSWER_MAX);
  // More than one answer holds: ask again with the last `n` seen.
  sendJson(response, 200, { effects, last: simulator.effects.last() });
}

async function withBody<Schema extends z.ZodType>(
  { request, response }: Exchange,
  schema: Schema,
  act: (body: z.output<Schema>) => object,
): Promise<void> {
  const body = await readBody(request);
  if (body === 'gone') return;
  if (body === 'too_large') return sendTooLarge(response);
  const parsed = schema.safeParse(parseJson(body));
  if (!parsed.success) {
    return sendJson(response, 400, { code: 'bad_request', error: z.prettifyError(parsed.error) });
  }
  try {
    sendJson(response, 200, act(parsed.data));
  } catch (error) {
    if (!(error instanceof SimulatorError)) throw error;
    sendJson(response, error.code === 'unknown_editor' ? 404 : 400, {
      code: error.code,
      error: error.message,
    });
  }
}
