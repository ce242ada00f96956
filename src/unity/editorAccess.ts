import type { Clock } from '../core/clock.js';
import type { Answer, GateCall } from '../workers/editor.js';
import { classify } from './classify.js';
import type { EditorLane } from './editorLane.js';
import type { McpClient } from './mcpClient.js';
import type { ProjectFolder } from './projectFolder.js';
import type { RawReply } from './rawReply.js';

/** How long one call may take, by what it does (product.md section 1). */
export interface CallTimeouts {
  readonly readMs: number;
  /** A picture, and the scene loaded for it. */
  readonly renderMs: number;
  /** The start or the cancel of a build, not the build. */
  readonly buildStartMs: number;
  /** A script mutation also waits for the compile (unity-mcp.md, "Sessions and routing"). */
  readonly mutationMs: number;
  /** How long the import of a file that is on disk is asked for again. */
  readonly importMs: number;
}

export const CALL_TIMEOUTS: CallTimeouts = {
  readMs: 10_000,
  renderMs: 45_000,
  buildStartMs: 45_000,
  mutationMs: 150_000,
  importMs: 30_000,
};

/** One editor as the gate reaches it, for the time of one operation. */
export interface EditorAccess {
  readonly client: McpClient;
  /** Null: out of this machine's reach. */
  readonly folder: ProjectFolder | null;
  readonly lane: EditorLane;
  readonly clock: Clock;
  readonly timeouts: CallTimeouts;
  /** Told before a call that may change what the editor shows, and when it has ended. */
  readonly changed: (what: 'content' | 'scene') => void;
}

/** Calls a tool. Throws only the signal's reason, when that cut the call off. */
export async function callTool(
  access: EditorAccess,
  tool: string,
  args: Readonly<Record<string, unknown>>,
  call: Pick<GateCall, 'signal'> & Partial<GateCall>,
  timeoutMs: number,
): Promise<RawReply> {
  const { commandId, attempt, signal } = call;
  const meta = commandId === undefined || attempt === undefined ? null : { commandId, attempt };
  const reply = await access.client.callTool({ tool, arguments: args, meta, timeoutMs, signal });
  const cut = reply.kind === 'broken' || reply.kind === 'refused';
  if (cut && signal.aborted) {
    if (reply.kind === 'broken') access.lane.suspect = true;
    throw signal.reason;
  }
  return reply;
}

/** A mutation: the tool is called once and its answer judged. */
export async function mutate(
  access: EditorAccess,
  tool: string,
  args: Readonly<Record<string, unknown>>,
  call: GateCall,
): Promise<Answer> {
  return classify(await callTool(access, tool, args, call, access.timeouts.mutationMs));
}

/** Around a call that may change something: told before it is sent, and when it has ended. */
export function changing<T>(act: (access: EditorAccess) => Promise<T>): (access: EditorAccess) => Promise<T> {
  return async (access) => {
    access.changed('content');
    try {
      return await act(access);
    } finally {
      access.changed('content');
    }
  };
}
