import type { SessionImport } from '../commands/sessionImport.js';
import { uuidFrom } from '../core/ids.js';
import type { FileImage, OperationMove, OperationRecord } from '../events/event.js';
import type { ExecuteContext } from './executeContext.js';
import { failed, type Task, type Verdict } from './task.js';

/** What one event can carry beside everything else in it; a nats-server's default `max_payload` is 1 MB. */
const MAX_MOVES_BYTES = 800_000;
const LOOKS_AT_ONCE = 8;

type Imported = SessionImport['operations'][number];

/**
 * session.import: takes operations of another SPARK into this session's undo log. They get ids of their own here, made from the session
 * and their old id: the same document in two sessions is two sets of operations, and twice in one is a conflict. No file is touched.
 */
export async function executeImport(task: Task, context: ExecuteContext): Promise<Verdict> {
  const { operations } = task.command.payload as SessionImport;
  const known = alreadyKnown(task, operations, context);
  if (known) return known;
  const missing = await missingImage(operations, context);
  if (missing) return missing;
  const changes = movesOfImport(task.command.sessionId, operations);
  if (JSON.stringify(changes).length > MAX_MOVES_BYTES)
    return failed('failed', {
      code: 'import_too_large',
      message: `${operations.length} operations are more than one command can record; export and import fewer at a time`,
      limit: MAX_MOVES_BYTES,
      unit: 'bytes',
    });
  if (!task.started) await context.recordStarted(task, null);
  // Somebody may have come first while we looked at the images.
  const knownNow = alreadyKnown(task, operations, context);
  if (knownNow) return knownNow;
  return {
    kind: 'completed',
    result: {
      operations: operations.length,
      imported: operations.map(({ operationId }) => ({
        from: operationId,
        operationId: idHere(task.command.sessionId, operationId),
      })),
    },
    changes,
  };
}

const idHere = (sessionId: string, id: string): string => uuidFrom('import', sessionId, id);

function alreadyKnown(
  { command: { sessionId } }: Task,
  operations: readonly Imported[],
  { undoLog }: Pick<ExecuteContext, 'undoLog'>,
): Verdict | undefined {
  const seen = new Set<string>();
  for (const { operationId } of operations) {
    const here =
      undoLog.findOperation(sessionId, operationId) ??
      undoLog.findOperation(sessionId, idHere(sessionId, operationId));
    if (here || seen.has(operationId))
      return failed('conflict', {
        code: 'operation_known',
        message: here
          ? `session ${sessionId} has operation ${operationId} already; import into another session`
          : `operation ${operationId} comes twice in the import`,
        fromOperationId: operationId,
      });
    seen.add(operationId);
  }
  return undefined;
}

/** An operation whose bytes are not here could never be undone. */
async function missingImage(
  operations: readonly Imported[],
  { images }: Pick<ExecuteContext, 'images'>,
): Promise<Verdict | undefined> {
  const wanted = new Map<string, number>();
  for (const { before, after } of operations)
    for (const image of [before, after, before?.meta, after?.meta])
      if (image) wanted.set(image.sha256, image.bytes);
  const queue = [...wanted];
  const missing: string[] = [];
  const take = async (): Promise<void> => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const [sha, bytes] = next;
      const found = await images.get(sha);
      if (found?.byteLength !== bytes) missing.push(sha);
    }
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, take));
  if (missing.length === 0) return undefined;
  return failed('failed', {
    code: 'image_missing',
    message: `${missing.length} images that the operations name are not in the image store with the size they say; import the whole document with POST /v1/sessions/{id}/operations/import, which brings them`,
    images: missing.slice(0, 20),
  });
}

/** Made in their order, then undone newest first what was undone: redo finds them as it did where they come from. */
function movesOfImport(sessionId: string, operations: readonly Imported[]): OperationMove[] {
  const records = operations.map((operation) => ({
    state: operation.state,
    record: recordOf(sessionId, operation),
  }));
  const undone = records.filter(({ state }) => state === 'undone').toReversed();
  return [
    ...records.map(({ record }): OperationMove => ({ direction: 'apply', operation: record })),
    ...undone.map(({ record }): OperationMove => ({ direction: 'undo', operation: record })),
  ];
}

function recordOf(sessionId: string, imported: Imported): OperationRecord {
  const { operationId, unitId, ts, editor, path, tool, before, after } = imported;
  return {
    operationId: idHere(sessionId, operationId),
    ...(unitId === undefined ? {} : { unitId: idHere(sessionId, unitId) }),
    editor,
    path,
    tool,
    before: before satisfies FileImage | null,
    after,
    madeAt: new Date(ts).toISOString(),
  };
}
