/** The JSON-RPC methods of MCP, as far as a tool server of the 2025 protocol versions has them. */
import * as z from 'zod';
import { type Answer, serverFailure, type ToolReply, timedOut } from './answers.js';
import { editorState, listInstances, setActiveInstance } from './instances.js';
import type { Session } from './mcp-sessions.js';
import { UNITY_VERSION } from './project.js';
import { findInstance, type Route, routeBySession } from './routing.js';
import type { Simulator } from './simulator.js';
import type { Tool } from './tool.js';
import { type Call, type CallOutcome, callEditor } from './tool-call.js';
import { toolsOverMcp } from './tools/all-tools.js';

export const PROTOCOL_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];
/** The framework's version, as on the real server; the product's is in `/health`. */
export const FRAMEWORK_VERSION = '3.2.4';
export const PRODUCT_VERSION = '10.1.0';

const INVALID_PARAMS = -32602;
const METHOD_NOT_FOUND = -32601;
const RESOURCE_NOT_FOUND = -32002;
const STATE_URI = 'mcpforunity://editor/state';
const INSTANCES_URI = 'mcpforunity://instances';
const FAST_TOOLS = ['read_console'];

export type RpcOutcome =
  /** `result` is JSON text already: a tool's answer goes out twice, so it is not turned into text three times. */
  | { readonly kind: 'result'; readonly result: string; readonly note?: string }
  | { readonly kind: 'error'; readonly code: number; readonly message: string }
  | Exclude<CallOutcome, { kind: 'reply' }>;

type Params = Readonly<Record<string, unknown>>;

const result = (value: unknown): RpcOutcome => ({ kind: 'result', result: JSON.stringify(value) });
const error = (code: number, message: string): RpcOutcome => ({ kind: 'error', code, message });

/** What `initialize` answers; an unknown protocol version is met with the newest one known. */
export function initializeResult(params: Params): RpcOutcome {
  const asked = String(params['protocolVersion']);
  const protocolVersion = PROTOCOL_VERSIONS.includes(asked) ? asked : PROTOCOL_VERSIONS[0];
  return result({
    protocolVersion,
    capabilities: {
      logging: {},
      prompts: { listChanged: false },
      resources: { subscribe: false, listChanged: false },
      tools: { listChanged: true },
    },
    serverInfo: { name: 'mcp-for-unity-server', version: FRAMEWORK_VERSION },
    instructions: `Simulated Unity ${UNITY_VERSION} editors. Read ${INSTANCES_URI}, then call set_active_instance.`,
  });
}

export async function callMethod(
  simulator: Simulator,
  session: Session,
  method: string,
  params: Params,
): Promise<RpcOutcome> {
  switch (method) {
    case 'tools/call':
      return callTool(simulator, session, params);
    case 'tools/list':
      return { kind: 'result', result: toolList() };
    case 'resources/list':
      return result({ resources: RESOURCES });
    case 'resources/read':
      return readResource(simulator, session, String(params['uri']));
    case 'resources/templates/list':
      return result({ resourceTemplates: [] });
    case 'prompts/list':
      return result({ prompts: [] });
    case 'ping':
    case 'logging/setLevel':
      return result({});
    default:
      return error(METHOD_NOT_FOUND, `Method not found: ${method}`);
  }
}

const RESOURCES = [
  { uri: STATE_URI, name: 'editor_state', mimeType: 'application/json' },
  { uri: INSTANCES_URI, name: 'unity_instances', mimeType: 'application/json' },
];

async function readResource(simulator: Simulator, session: Session, uri: string): Promise<RpcOutcome> {
  const contents = (body: unknown): RpcOutcome =>
    result({ contents: [{ uri, mimeType: 'application/json', text: JSON.stringify(body) }] });
  if (uri === INSTANCES_URI) return contents(listInstances(simulator));
  if (uri === STATE_URI) return contents(await editorState(simulator, session));
  return error(RESOURCE_NOT_FOUND, `Unknown resource: '${uri}'`);
}

let listed: string | undefined;

function toolList(): string {
  listed ??= JSON.stringify({
    tools: [
      {
        name: 'set_active_instance',
        description: 'Set the active Unity instance for this session.',
        inputSchema: z.toJSONSchema(setActiveInput, { io: 'input' }),
      },
      ...[...toolsOverMcp.values()].map((tool) => ({
        name: tool.name,
        description: tool.description,
        inputSchema: z.toJSONSchema(tool.input, { io: 'input' }),
        annotations: { readOnlyHint: tool.readOnly, destructiveHint: !tool.readOnly },
      })),
    ],
  });
  return listed;
}

const setActiveInput = z.strictObject({ instance: z.string() });

/** FastMCP's way of telling what is wrong with the arguments. */
function argumentErrors(tool: string, failure: z.ZodError): string {
  const lines = failure.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => `${[...issue.path, key].join('.')}\n  Unexpected keyword argument`);
    }
    const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
    return [`${issue.path.join('.')}\n  ${missing ? 'Missing required argument' : issue.message}`];
  });
  return `${lines.length} validation error${lines.length === 1 ? '' : 's'} for call[${tool}]\n${lines.join('\n')}`;
}

function toolError(message: string): RpcOutcome {
  return result({ content: [{ type: 'text', text: message }], isError: true });
}

function toolResult(reply: ToolReply, note?: string): RpcOutcome {
  const text = JSON.stringify(reply.answer);
  const content = `{"type":"text","text":${JSON.stringify(text)}}`;
  const body =
    reply.png === undefined
      ? `{"content":[${content}],"structuredContent":${text},"isError":false}`
      : `{"content":[${content},{"type":"image","data":"${reply.png.toString('base64')}","mimeType":"image/png"}],"isError":false}`;
  return note === undefined ? { kind: 'result', result: body } : { kind: 'result', result: body, note };
}

async function callTool(simulator: Simulator, session: Session, params: Params): Promise<RpcOutcome> {
  const name = String(params['name']);
  const given = params['arguments'] ?? {};
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    return error(INVALID_PARAMS, 'Invalid request parameters');
  }
  const { unity_instance: wanted, ...args } = given as Params;
  try {
    if (name === 'set_active_instance') {
      const { instance } = setActiveInput.parse(args);
      return toolResult({ answer: setActiveInstance(simulator, session, instance) });
    }
    const tool = toolsOverMcp.get(name);
    if (tool === undefined) return toolError(`Unknown tool: '${name}'`);
    const run = tool.prepare(args);
    const mutatesScripts = tool.mutatesScripts && args['action'] !== 'read';
    const route: Route =
      wanted === undefined || wanted === null
        ? await routeBySession(simulator, session, mutatesScripts)
        : findInstance(simulator, String(wanted));
    if (route.kind === 'error') return toolError(route.message);
    if (route.kind === 'answer') return toolResult({ answer: route.answer });
    const readOnly = tool.readOnly || readOnlyAction(tool, args['action']);
    const call = {
      editor: route.editor,
      tool: name,
      args,
      readOnly,
      mutatesScripts,
      run,
      ...limits(simulator, name),
    };
    const outcome = await callEditor(simulator, { ...call, ...labels(params['_meta']) });
    if (outcome.kind !== 'reply') return outcome;
    return toolResult(outcome.reply, `Processing ${name} (unity_instance=${route.editor.instance})`);
  } catch (failure) {
    if (failure instanceof z.ZodError) return toolError(argumentErrors(name, failure));
    throw failure;
  }
}

const READ_ACTIONS = [
  'read',
  'search',
  'get_info',
  'get_components',
  'get_active',
  'get_hierarchy',
  'list',
  'status',
];

function readOnlyAction(tool: Tool, action: unknown): boolean {
  return 'action' in tool.input.shape && READ_ACTIONS.includes(String(action));
}

/** How long a command may take and what is said then; ping and console reads fail fast. */
export function limits(simulator: Simulator, command: string): Pick<Call, 'limitMs' | 'onLimit'> {
  const { callLimitMs, fastCallLimitMs } = simulator.options;
  if (!FAST_TOOLS.includes(command) && command !== 'ping') return { limitMs: callLimitMs, onLimit: timedOut };
  const seconds = (fastCallLimitMs / 1000).toFixed(1);
  const onLimit = (): Answer =>
    serverFailure(`Unity did not respond to '${command}' within ${seconds}s; please retry`, 'retry');
  return { limitMs: fastCallLimitMs, onLimit };
}

/** What SPARK writes on its calls for the effect log; never acted on. */
export function labels(meta: unknown): Pick<Call, 'commandId' | 'attempt'> {
  const fields = (typeof meta === 'object' && meta !== null ? meta : {}) as Params;
  const { commandId, attempt } = fields;
  return {
    commandId: typeof commandId === 'string' ? commandId : null,
    attempt: typeof attempt === 'number' ? attempt : null,
  };
}
