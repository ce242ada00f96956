import { sha256 } from '../../core/ids.js';
import type { CreatedFolder } from '../../events/event.js';
import type { FolderContent } from '../editor.js';
import type { PreparedChange, Task, Verdict } from '../lanes/task.js';
import type { ExecuteContext } from './executeContext.js';

/** What becomes of the folders on the way to a file: made by an operation, removed by its undo if empty, made again by its redo. */

/** After a create: the folders it made, with the `.meta` each was given, which goes into the image store. */
export async function recordFolders(
  prepared: PreparedChange,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<readonly CreatedFolder[]> {
  if (prepared.missingFolders.length === 0) return [];
  const found = await context.gate.readFolders(prepared.editor, prepared.missingFolders, signal);
  const images = found.flatMap(({ meta }) => (meta ? [{ sha256: sha256(meta), bytes: meta }] : []));
  if (images.length > 0) await context.images.put(images);
  return found.map(({ path, meta }) => ({ path, metaSha256: meta ? sha256(meta) : null }));
}

/** After an undo that took the file away. Undefined: go on. */
export function pruneFolders(
  task: Task,
  prepared: PreparedChange,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict | undefined> {
  return onGate(task, prepared, context, signal, (gate, call) =>
    gate.pruneFolders(prepared.editor, prepared.createdFolders, call),
  );
}

/** Before a redo makes its file. Undefined: go on. */
export async function stageFolders(
  task: Task,
  prepared: PreparedChange,
  context: ExecuteContext,
  signal: AbortSignal,
): Promise<Verdict | undefined> {
  const folders: FolderContent[] = await Promise.all(
    prepared.createdFolders.map(async ({ path, metaSha256 }) => ({
      path,
      meta: metaSha256 === null ? null : ((await context.images.get(metaSha256)) ?? null),
    })),
  );
  return onGate(task, prepared, context, signal, (gate, call) =>
    gate.stageFolders(prepared.editor, folders, call),
  );
}

type GateWork = (
  gate: ExecuteContext['gate'],
  call: Parameters<ExecuteContext['gate']['run']>[2],
) => ReturnType<ExecuteContext['gate']['run']>;

async function onGate(
  task: Task,
  prepared: PreparedChange,
  context: ExecuteContext,
  signal: AbortSignal,
  work: GateWork,
): Promise<Verdict | undefined> {
  if (prepared.createdFolders.length === 0) return undefined;
  const { commandId } = task.command;
  const token = context.nextToken(task.command);
  const answer = await work(context.gate, { token, commandId, attempt: Math.max(1, task.attempts), signal });
  // Anything but "away" leaves at worst an empty folder: not a reason to fail what has been done.
  return answer.kind === 'away'
    ? { kind: 'hold', reason: answer.reason, retryAfterMs: answer.retryAfterMs }
    : undefined;
}
