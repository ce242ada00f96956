import type { EditorPause } from '../../commands/editorEntry.js';
import type { Dispatcher } from '../dispatcher.js';
import type { EditorHealth } from '../editors/editorHealth.js';
import { isBuild } from '../editors/editorViews.js';
import type { Task } from './task.js';

/** Why a command has not ended yet, for people. `since`: ISO 8601, null where nobody has noted it. */
export interface Waiting {
  readonly reason: string;
  readonly since: string | null;
}

export interface WaitingContext {
  readonly dispatcher: Dispatcher;
  readonly health: EditorHealth | undefined;
  readonly pauseOf: (editor: string) => EditorPause | null;
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** Undefined: it waits for nothing, it is being worked on. */
export function waitingOf(commandId: string, editor: string, context: WaitingContext): Waiting | undefined {
  const lane = context.dispatcher.lanes.find((one) => one.editor === editor);
  const look = lane?.look();
  const task = look?.waiting.find(({ command }) => command.commandId === commandId);
  const active = [...(look?.running ?? []), ...(look?.detached ?? [])];
  const isRunning = active.some(({ command }) => command.commandId === commandId);
  const pause = context.pauseOf(editor);
  if (pause && !isRunning) return { reason: pauseText(editor, pause), since: pause.at };
  const { health } = context.health?.of(editor) ?? {};
  if (health?.state === 'away' && health.reason !== null)
    return {
      reason: awayText(editor, health.reason, context.health?.connected() ?? []),
      since: health.since,
    };
  if (isRunning) return undefined;
  const backoffMs = (task?.notBeforeMs ?? 0) - context.monotonicMs;
  if (task && backoffMs > 0) return backoffText(task, context.nowMs + backoffMs);
  const build = active.find(isBuild);
  const since = (build ?? active[0])?.started?.timestamp ?? null;
  if (build) return { reason: `editor \`${editor}\` runs a build (${build.command.commandId})`, since };
  if (!task) return { reason: `it is parked: others of editor \`${editor}\` come first`, since };
  const ahead = aheadOf(task, look?.waiting ?? []) + active.length;
  return ahead === 0
    ? undefined
    : { reason: `behind ${ahead} ${ahead === 1 ? 'command' : 'commands'}`, since };
}

export function pauseText(editor: string, { by, reason }: EditorPause): string {
  return `editor \`${editor}\` is paused by ${by}${reason === null ? '' : `: ${reason}`}`;
}

function awayText(editor: string, reason: string, connected: readonly string[]): string {
  const others = connected.filter((name) => name !== editor).slice(0, 10);
  const there = others.length === 0 ? 'none' : others.map((name) => `\`${name}\``).join(', ');
  return `editor \`${editor}\` is not connected (connected: ${there}): ${reason}`;
}

function backoffText({ lastError }: Task, untilMs: number): Waiting {
  const until = new Date(untilMs).toISOString();
  const why = lastError === undefined ? '' : `: ${lastError}`;
  return { reason: `its session waits for its backoff until ${until}${why}`, since: null };
}

/** Accepted before it and still waiting. Sessions take turns and priorities overtake, so this is about right, not exact. */
function aheadOf(task: Task, waiting: readonly Task[]): number {
  const { seq, index } = task.command.position;
  return waiting.filter(({ command: { position } }) =>
    position.seq === seq ? position.index < index : position.seq < seq,
  ).length;
}
