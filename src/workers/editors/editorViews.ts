import type { EditorLive } from '../../http/editorsPort.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Task } from '../lanes/task.js';
import type { EditorHealth } from './editorHealth.js';

/** What the worker shows of its editors, from memory: those that somebody names, and those that commands were sent to. */
export function editorViews(health: EditorHealth, dispatcher: Dispatcher | undefined): EditorLive[] {
  const lanes = new Map(
    (dispatcher?.lanes ?? []).flatMap((lane) => (lane.idle ? [] : [[lane.editor, lane] as const])),
  );
  const parked = dispatcher?.claims.parkedByEditor() ?? new Map<string, number>();
  return [...new Set([...health.editors, ...lanes.keys(), ...parked.keys()])].sort().map((editor) => {
    const look = lanes.get(editor)?.look();
    const build = look?.detached.find(isBuild) ?? look?.running.find(isBuild);
    return {
      editor,
      ...(health.of(editor) ?? NOBODY),
      current: currentOf(look?.running[0]),
      queue: { memory: look?.waiting.length ?? 0, parked: parked.get(editor) ?? 0 },
      build: build ? { commandId: build.command.commandId, since: sinceOf(build) } : null,
    };
  });
}

const NOBODY = {
  source: 'commands',
  instance: null,
  health: { state: 'unknown', reason: null, since: null },
  lastSeenAt: null,
} as const;

function currentOf(task: Task | undefined): EditorLive['current'] {
  if (!task) return null;
  const { commandId, type, sessionId } = task.command;
  return { commandId, type, sessionId, since: sinceOf(task) };
}

/** When it began, or was accepted, if it has not stored its beginning yet. */
const sinceOf = (task: Task): string => task.started?.timestamp ?? task.command.acceptedAt;

export const isBuild = ({ command }: Task): boolean => command.type === 'unity.run_build';
