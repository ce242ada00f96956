import { assetMimeOf } from '../../commands/mimeTypes.js';
import type { SessionImport } from '../../commands/sessionImport.js';
import { uuidFrom } from '../../core/ids.js';
import type { EventError, FileImage, OperationMove, OperationRecord } from '../../events/event.js';
import { failed, type Task, type Verdict } from '../lanes/task.js';
import { assetProblem } from './decideAsset.js';
import type { ExecuteContext } from './executeContext.js';

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
  const unfit = await unfitImage(operations, context);
  if (unfit) return unfit;
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
  // Two editors' lanes may bring the same document at once: from here on, until the end is told, the other one sees this one.
  const ids = operations.map(({ operationId }) => idHere(task.command.sessionId, operationId));
  context.undoLog.announce(task.command.sessionId, ids, task.command.commandId);
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
  { command: { sessionId, commandId } }: Task,
  operations: readonly Imported[],
  { undoLog }: Pick<ExecuteContext, 'undoLog'>,
): Verdict | undefined {
  const seen = new Set<string>();
  for (const { operationId } of operations) {
    const idThen = idHere(sessionId, operationId);
    const here =
      undoLog.findOperation(sessionId, operationId) !== undefined ||
      undoLog.findOperation(sessionId, idThen) !== undefined ||
      undoLog.isComing(sessionId, idThen, commandId);
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

/** An image that operations name: how long they say it is, and the paths that say of what kind it must be. */
interface WantedImage {
  readonly bytes: number;
  readonly paths: Set<string>;
}

/**
 * An operation whose bytes are not here could never be undone; and one whose bytes are not what its path says would, by a redo, bring in
 * what `unity.ingest_asset` refuses. Looked at here and not where the document comes in: so a raw publish is judged as well.
 */
async function unfitImage(
  operations: readonly Imported[],
  { images }: Pick<ExecuteContext, 'images'>,
): Promise<Verdict | undefined> {
  const queue = [...wantedBy(operations)];
  const missing: string[] = [];
  const refused: EventError[] = [];
  const take = async (): Promise<void> => {
    for (let next = queue.pop(); next; next = queue.pop()) {
      const [sha, wanted] = next;
      const found = await images.get(sha);
      if (found?.byteLength !== wanted.bytes) missing.push(sha);
      else refused.push(...forgedAs(sha, found, wanted.paths));
    }
  };
  await Promise.all(Array.from({ length: LOOKS_AT_ONCE }, take));
  if (missing.length > 0)
    return failed('failed', {
      code: 'image_missing',
      message: `${missing.length} images that the operations name are not in the image store with the size they say; import the whole document with POST /v1/sessions/{id}/operations/import, which brings them`,
      images: missing.slice(0, 20),
    });
  const [first] = refused;
  return first ? failed('failed', first) : undefined;
}

function wantedBy(operations: readonly Imported[]): Map<string, WantedImage> {
  const wanted = new Map<string, WantedImage>();
  const want = ({ sha256, bytes }: { sha256: string; bytes: number }, path?: string): void => {
    const paths = wanted.get(sha256)?.paths ?? new Set();
    if (path !== undefined) paths.add(path);
    wanted.set(sha256, { bytes, paths });
  };
  for (const { before, after, path } of operations)
    for (const image of [before, after]) {
      if (!image) continue;
      want(image, path);
      if (image.meta) want(image.meta);
    }
  return wanted;
}

/** Each kind that the paths claim is judged once, as an ingest of it would be. */
function forgedAs(sha: string, bytes: Uint8Array, paths: ReadonlySet<string>): EventError[] {
  const pathOf = new Map([...paths].map((path) => [assetMimeOf(path), path]));
  return [...pathOf].flatMap(([mime, path]) => {
    const problem = mime && assetProblem(mime, bytes);
    return problem
      ? [
          {
            ...problem,
            message: `operations: the image ${sha} cannot be ${path}: ${problem.message}`,
            field: 'operations',
            ...{ path, image: sha },
          },
        ]
      : [];
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
