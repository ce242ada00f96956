/** The REST side of the real server in local mode: health, instances, commands straight to an editor. */
import * as z from 'zod';
import { type Answer, failed } from './answers.js';
import type { Editor } from './editor.js';
import { cut, type Exchange, isRecord, parseJson, readBody, sendJson, sendTooLarge } from './exchange.js';
import { restInstances } from './instances.js';
import { labels, limits, PRODUCT_VERSION } from './mcp-methods.js';
import { connectedEditors } from './routing.js';
import type { Simulator } from './simulator.js';
import { type CallOutcome, callEditor } from './tool-call.js';
import { toolsBehindServer } from './tools/all-tools.js';

export function serveHealth(simulator: Simulator, { response }: Exchange): void {
  sendJson(response, 200, {
    status: 'healthy',
    timestamp: simulator.options.now().getTime() / 1000,
    version: PRODUCT_VERSION,
    message: 'MCP for Unity server is running',
  });
}

export function serveInstances(simulator: Simulator, { response }: Exchange): void {
  sendJson(response, 200, restInstances(simulator));
}

function findConnected(simulator: Simulator, wanted: unknown): Editor | undefined {
  const connected = connectedEditors(simulator);
  if (wanted === undefined || wanted === null || wanted === '') return connected[0];
  const value = String(wanted);
  const hash = value.includes('@') ? value.slice(value.lastIndexOf('@') + 1) : value;
  return connected.find((editor) => editor.hash === hash || editor.name === value);
}

export async function serveCommand(simulator: Simulator, { request, response }: Exchange): Promise<void> {
  const body = await readBody(request);
  if (body === 'gone') return;
  if (body === 'too_large') return sendTooLarge(response);
  const command = parseJson(body);
  if (!isRecord(command))
    return sendJson(response, 500, { success: false, error: 'Expecting a JSON object' });
  const type = command['type'];
  if (typeof type !== 'string' || type === '') {
    return sendJson(response, 400, { success: false, error: "Missing 'type' field" });
  }
  if (connectedEditors(simulator).length === 0) {
    const error = 'No Unity instances connected. Make sure Unity is running with MCP plugin.';
    return sendJson(response, 503, { success: false, error });
  }
  const editor = findConnected(simulator, command['unity_instance']);
  if (editor === undefined) {
    const error = `Unity instance '${String(command['unity_instance'])}' not found`;
    return sendJson(response, 404, { success: false, error });
  }
  answer(response, await run(simulator, editor, type, command));
}

type Ran =
  | { readonly status: 'success'; readonly result: Answer | { message: 'pong' } }
  | Answer
  | CallOutcome;

function answer(response: Exchange['response'], ran: Ran): void {
  if (!('kind' in ran)) {
    sendJson(response, 200, ran);
    return;
  }
  switch (ran.kind) {
    case 'cut':
      cut(response);
      return;
    case 'too_large':
      sendTooLarge(response);
      return;
    default:
      sendJson(response, 500, { success: false, error: 'Session not found' });
      return;
  }
}

async function run(
  simulator: Simulator,
  editor: Editor,
  type: string,
  command: Record<string, unknown>,
): Promise<Ran> {
  const tool = toolsBehindServer.get(type);
  const params = command['params'] ?? {};
  if (tool === undefined && type !== 'ping') {
    return failed(`Unknown or unsupported command type: ${type}`);
  }
  const { limitMs, onLimit } = limits(simulator, type);
  try {
    const outcome = await callEditor(simulator, {
      editor,
      tool: type,
      args: params,
      readOnly: tool?.readOnly ?? true,
      mutatesScripts: tool?.mutatesScripts ?? false,
      limitMs,
      onLimit:
        type === 'ping'
          ? onLimit
          : () => failed(`Command '${type}' timed out after ${limitMs / 1000} seconds`),
      ...labels(command['_meta']),
      run: tool?.prepare(params) ?? (() => ({ success: true, message: 'pong' })),
    });
    if (outcome.kind !== 'reply') return outcome;
    const { answer: result } = outcome.reply;
    // What the server itself says about a lost or late editor is not wrapped in the editor's envelope.
    if ('hint' in result) return result;
    return type === 'ping'
      ? { status: 'success', result: { message: 'pong' } }
      : { status: 'success', result };
  } catch (error) {
    if (error instanceof z.ZodError) return failed(z.prettifyError(error));
    throw error;
  }
}
