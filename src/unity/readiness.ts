import type { Readiness } from '../workers/editor.js';
import { classify } from './classify.js';
import { cleanText, isRecord } from './cleanText.js';
import { type Instances, listInstances } from './instances.js';
import type { UnityServer } from './unityServer.js';

/** The server itself gives a ping 2 s; what takes longer is a server in trouble. */
const PING_TIMEOUT_MS = 3_000;
const MCP_PING_TIMEOUT_MS = 5_000;
const RETRY_MS = 1_000;
const UNANSWERED_RETRY_MS = 500;

export const READY: Readiness = { state: 'ready' };

export function notReady(reason: string, retryAfterMs = RETRY_MS): Readiness & { readonly state: 'away' } {
  return { state: 'away', reason, retryAfterMs };
}

/** Result of one ping; `unanswered`: the editor is there, and busy or blocked. */
export interface Ping {
  readonly readiness: Readiness;
  readonly unanswered: boolean;
}

/**
 * Asks one editor for a sign of life. Over REST: first the list, because `/api/command` would let another project of the same
 * name answer. Without REST (hosted mode): a small read that waits its turn in the editor as a ping does.
 */
export async function pingEditor(
  server: UnityServer,
  editor: string,
  instance: string,
  signal: AbortSignal,
  onListed: (instances: Instances) => void = () => undefined,
): Promise<Ping> {
  const listed = await listInstances(server, signal);
  onListed(listed);
  if (listed.kind === 'absent') return pingOverMcp(server, editor, instance, signal);
  if (listed.kind === 'away') return { readiness: notReady(listed.reason), unanswered: false };
  if (!listed.ids.includes(instance)) {
    const reason = `Unity instance "${cleanText(instance, 100)}" is not connected`;
    return { readiness: notReady(reason), unanswered: false };
  }
  const command = { type: 'ping', params: {}, unity_instance: instance };
  const reply = await server.post('/api/command', command, PING_TIMEOUT_MS, signal);
  if (reply.kind === 'absent') return pingOverMcp(server, editor, instance, signal);
  if (reply.kind === 'failed') {
    return {
      readiness: notReady(`the ping failed: ${reply.reason}`, UNANSWERED_RETRY_MS),
      unanswered: reply.sent,
    };
  }
  if (isPong(reply.body)) return { readiness: READY, unanswered: false };
  const reason = cleanText(reply.body['error']) || cleanText(reply.body['message']) || `HTTP ${reply.status}`;
  const there = reply.status === 200;
  return { readiness: notReady(reason, there ? UNANSWERED_RETRY_MS : RETRY_MS), unanswered: there };
}

/** `{"status":"success","result":{"message":"pong"}}` from the editor, `{"success":true}` from newer servers. */
function isPong(body: Readonly<Record<string, unknown>>): boolean {
  const result = isRecord(body['result']) ? body['result'] : body;
  return body['status'] === 'success' || (body['success'] === true && result['success'] !== false);
}

/** `read_console` of one line: a tool that goes through the editor's main thread, within 2 s or not at all. */
async function pingOverMcp(
  server: UnityServer,
  editor: string,
  instance: string,
  signal: AbortSignal,
): Promise<Ping> {
  const reply = await server.client(editor, instance).callTool({
    tool: 'read_console',
    arguments: { action: 'get', count: 1 },
    meta: null,
    timeoutMs: MCP_PING_TIMEOUT_MS,
    signal,
  });
  const answer = classify(reply);
  switch (answer.kind) {
    case 'done':
      return { readiness: READY, unanswered: false };
    case 'away':
      return {
        readiness: notReady(answer.reason, answer.retryAfterMs),
        unanswered: answer.reason === 'compiling',
      };
    case 'unknown':
      return { readiness: notReady(answer.reason, UNANSWERED_RETRY_MS), unanswered: true };
    default:
      return { readiness: notReady('message' in answer ? answer.message : answer.kind), unanswered: false };
  }
}
