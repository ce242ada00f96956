import { every, pause } from '../core/clock.js';
import { deadline } from '../core/deadline.js';
import { type Api, expectShape, segment } from './api.js';
import { ApiError, InterruptedError } from './errors.js';
import { EXIT, type ExitCode } from './exitCodes.js';
import { followSession } from './follow.js';
import type { CliHost } from './host.js';
import { type CommandReply, commandReply, isTerminalState, liveEvent, stateOfEvent } from './replies.js';

/** In case a live event is lost on its way: the status is asked for beside the stream. */
const POLL_MS = 2_000;
/** A live event may be some milliseconds ahead of the status: then the status is asked for again this soon, for as long as a poll. */
const SETTLE_MS = 50;

export type Waited =
  | { readonly done: true; readonly command: CommandReply }
  | { readonly done: false; readonly state: string; readonly waiting?: CommandReply['waiting'] };

/** The command as SPARK knows it now; undefined while it is not known (yet). */
export async function fetchCommand(api: Api, commandId: string): Promise<CommandReply | undefined> {
  try {
    const reply = await api.call({ path: `/v1/commands/${segment(commandId)}` });
    return expectShape(commandReply, reply.body, 'command');
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined;
    throw error;
  }
}

/**
 * Waits until the command is in a terminal state or `timeoutMs` have passed, and reports each state once as it comes. The
 * status is asked for after the stream has opened, so nothing can slip between the two.
 */
export async function waitForCommand(
  api: Api,
  host: CliHost,
  target: { commandId: string; sessionId: string; timeoutMs: number },
  onState: (state: string) => void,
  onWaiting: (reason: string) => void = () => undefined,
): Promise<Waited> {
  const finished = new AbortController();
  const limit = deadline(host.clock, target.timeoutMs, finished.signal, host.interrupted);
  const { signal } = limit;
  let state = '';
  let final: CommandReply | undefined;
  let waiting: CommandReply['waiting'];
  const saw = (next: string): void => {
    if (next !== state) onState(next);
    state = next;
  };
  const look = async (): Promise<void> => {
    const command = await fetchCommand(api, target.commandId);
    if (!command || final) return;
    // The status may be behind what the stream has told already: a state never goes back.
    if (!isTerminalState(command.state)) {
      waiting = command.waiting;
      if (waiting) onWaiting(waiting.reason);
      if (state !== 'started') saw(command.state);
      return;
    }
    saw(command.state);
    final = command;
    finished.abort();
  };
  const settle = async (): Promise<void> => {
    for (let waitedMs = 0; waitedMs < POLL_MS && !signal.aborted; waitedMs += SETTLE_MS) {
      await look();
      await pause(host.clock, SETTLE_MS, signal);
    }
  };
  // What a poll fails with is found by the stream as well, which tells a lost connection from a refusal.
  const stopPolling = every(POLL_MS, look, () => undefined);
  try {
    for await (const step of followSession(api, {
      sessionId: target.sessionId,
      from: 'latest',
      clock: host.clock,
      signal,
    })) {
      if (step.step === 'open') await look();
      if (step.step !== 'event') continue;
      const event = liveEvent.safeParse(jsonOf(step.event.data));
      if (!event.success || event.data.commandId !== target.commandId) continue;
      const next = stateOfEvent(event.data);
      if (!isTerminalState(next)) saw(next);
      else await settle();
    }
  } finally {
    stopPolling();
    finished.abort();
    limit.clear();
  }
  if (final) return { done: true, command: final };
  if (host.interrupted.aborted) throw new InterruptedError('interrupted; the command goes on');
  return { done: false, state: state === '' ? 'accepted' : state, ...(waiting ? { waiting } : {}) };
}

/** The exit code that tells how a command ended. */
export function exitCodeOfState(state: string): ExitCode {
  if (state === 'completed') return EXIT.ok;
  return state === 'conflict' ? EXIT.conflict : EXIT.failed;
}

export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
