/**
 * One call to one editor, from the server's side: faults, the editor's queue, the call limit, the effect log's fsync.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, busy, disconnected, failed, type ToolReply, timedOut } from './answers.js';
import type { Editor, Ran, Turn } from './editor.js';
import type { Fault } from './faults.js';
import type { Simulator } from './simulator.js';
import { type Output, type ToolContext, toReply } from './tool.js';
import { verifyAfterReload } from './verify-after-reload.js';

/** What the HTTP side must do: answer, or misbehave. */
export type CallOutcome =
  | { readonly kind: 'reply'; readonly reply: ToolReply }
  | { readonly kind: 'cut' }
  | { readonly kind: 'session_lost' }
  | { readonly kind: 'too_large' };

export interface Call {
  readonly editor: Editor;
  readonly tool: string;
  readonly args: unknown;
  readonly readOnly: boolean;
  readonly mutatesScripts: boolean;
  readonly limitMs: number;
  /** The answer when the limit is reached. */
  readonly onLimit: () => Answer;
  readonly commandId: string | null;
  readonly attempt: number | null;
  readonly run: (context: ToolContext) => Output | Promise<Output>;
}

const TESTS_RETRY_MS = 5_000;
const CUT: CallOutcome = { kind: 'cut' };

const replied = (answer: Answer): CallOutcome => ({ kind: 'reply', reply: { answer } });

export async function callEditor(simulator: Simulator, call: Call): Promise<CallOutcome> {
  const fault = simulator.faults.take(call.editor.name, call.tool);
  switch (fault?.kind) {
    case 'disconnect':
      return CUT;
    case 'too_large':
      return { kind: 'too_large' };
    case 'session_lost':
      simulator.sessions.forgetAll();
      return { kind: 'session_lost' };
    case 'busy':
      return replied(busy('compiling', fault.ms));
  }
  if (!call.readOnly && testsAreRunning(call.editor)) return replied(busy('tests_running', TESTS_RETRY_MS));
  const unitySessionId = call.editor.unitySessionId;
  const ran = call.editor
    .enqueue((turn) => takeTurn(simulator, call, fault, turn))
    .catch((error) => crashed(call, error));
  if (fault?.kind === 'ghost') {
    // Nobody hears of it any more, but it is an effect like any other.
    ran.then(() => simulator.effects.flushed()).catch(() => {});
    return replied(timedOut());
  }
  const ended = fault?.kind === 'hang' ? await ran : await within(call.limitMs, ran);
  await simulator.effects.flushed();
  if (ended === 'limit') return replied(call.onLimit());
  if (ended.kind === 'dropped') return afterDrop(simulator, call, fault, unitySessionId);
  if (fault?.kind === 'lose_reply') return CUT;
  reloadAfterScript(simulator, call, ended.value.answer);
  return { kind: 'reply', reply: ended.value };
}

async function takeTurn(
  simulator: Simulator,
  call: Call,
  fault: Fault | undefined,
  turn: Turn,
): Promise<ToolReply> {
  switch (fault?.kind) {
    case 'latency':
    case 'hang':
    case 'ghost':
      await delay(fault.ms, undefined, { signal: simulator.stopped }).catch(() => {});
      break;
    case 'reload_before':
      call.editor.goAway(fault.ms, false);
      break;
    case 'crash':
      call.editor.goAway(fault.ms, true);
      break;
  }
  // The editor went away while this was waiting or because of it: what it held is gone and never runs.
  if (turn.dropped || simulator.stopped.aborted) return { answer: { success: false } };
  const output = call.run(contextOf(simulator, call, call.tool));
  const reply = toReply(output instanceof Promise ? await output : output);
  if (fault?.kind === 'reload_after') call.editor.goAway(fault.ms, false);
  return reply;
}

function contextOf(simulator: Simulator, call: Call, tool: string): ToolContext {
  const { editor, commandId, attempt } = call;
  return {
    editor,
    options: { ...simulator.tuning, testsMs: simulator.options.testsMs },
    now: simulator.options.now,
    commit: (change, make) => {
      simulator.effects.commit({ editor: editor.name, tool, ...change, commandId, attempt }, make);
    },
    as: (other) => contextOf(simulator, call, other),
  };
}

function testsAreRunning(editor: Editor): boolean {
  for (const job of editor.memory.tests.values()) if (job.finishedAt === undefined) return true;
  return false;
}

/** The editor's last line of defence: a tool that throws answers, and the editor lives on. */
function crashed(call: Call, error: unknown): Ran<ToolReply> {
  const message = error instanceof Error ? error.message : String(error);
  return { kind: 'ran', value: { answer: failed(`Internal error processing '${call.tool}': ${message}`) } };
}

async function within(limitMs: number, ran: Promise<Ran<ToolReply>>): Promise<Ran<ToolReply> | 'limit'> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<'limit'>((resolve) => {
    timer = setTimeout(() => resolve('limit'), limitMs);
  });
  try {
    return await Promise.race([ran, limit]);
  } finally {
    clearTimeout(timer);
  }
}

async function afterDrop(
  simulator: Simulator,
  call: Call,
  fault: Fault | undefined,
  unitySessionId: string,
): Promise<CallOutcome> {
  if (fault?.kind === 'crash' || fault?.reply === 'lost') return CUT;
  if (fault?.reply === 'verified' && call.mutatesScripts) {
    await call.editor.whenBack(simulator.options.awayMutationWaitMs);
    const verified = verifyAfterReload(call.editor.root, call.tool, call.args);
    if (verified !== undefined) return replied(verified);
  }
  return replied(disconnected(unitySessionId));
}

/** Compiling a changed script reloads the domain, once the answer is out. */
function reloadAfterScript(simulator: Simulator, call: Call, answer: Answer): void {
  const ms = simulator.options.reloadAfterScriptMs;
  if (ms > 0 && call.mutatesScripts && answer.success) setImmediate(() => call.editor.goAway(ms, false));
}
