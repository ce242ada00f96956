import { movesOf } from '../../src/events/event.js';
import { partitionOf, SUBJECTS } from '../../src/streams/subjects.js';
import { PARTITIONS } from '../editors.js';
import type { World } from '../world.js';
import { blamelessFiles } from './files.js';
import type { History } from './history.js';

interface Standing {
  readonly operationId: string;
  readonly sessionId: string;
  readonly editor: string;
  readonly path: string;
}

/**
 * I8: everything that stands is undone, newest first, and then every file that nobody else had a hand in must be as it was at the
 * beginning, its `.meta` too.
 */
export async function undoEverything(world: World, settle: () => Promise<void>): Promise<void> {
  const { history } = world;
  const tangled = tangledFiles(history.events);
  const tried = new Set<string>();
  for (;;) {
    const next = standing(world).findLast(({ operationId }) => !tried.has(operationId));
    if (!next) break;
    tried.add(next.operationId);
    publishUndo(world, next);
    await settle();
  }
  const blameless = blamelessFiles(world);
  for (const place of tangled) blameless.delete(place);
  for (const { editor, path, operationId } of standing(world))
    if (blameless.has(`${editor} ${path}`))
      history.violations.push(`I8: operation ${operationId} on ${path} of ${editor} could not be undone`);
  for (const place of blameless) {
    const [editor = '', path = ''] = place.split(' ');
    const was = history.initial.get(editor)?.get(path);
    const is = world.editors.get(editor)?.files.get(path);
    const same =
      was === undefined || is === undefined
        ? was === is
        : was.sha256 === is.sha256 && sameBytes(was.meta, is.meta);
    if (!same) history.violations.push(`I8: ${path} of ${editor} is not as it was at the beginning`);
  }
}

/**
 * Files of which one session has taken back an operation under a newer one of another, because the file happened to hold the very bytes that
 * it had left: from there on the newer ones do not lead back to each other any more.
 */
function tangledFiles(events: History['events']): Set<string> {
  const tangled = new Set<string>();
  const standing = new Map<string, string[]>();
  for (const { event } of events)
    for (const { direction, operation } of movesOf(event)) {
      const place = `${operation.editor} ${operation.path}`;
      const before = standing.get(place) ?? [];
      if (direction === 'undo' && before.at(-1) !== operation.operationId) tangled.add(place);
      const others = before.filter((id) => id !== operation.operationId);
      standing.set(place, direction === 'undo' ? others : [...others, operation.operationId]);
    }
  return tangled;
}

function publishUndo({ commands }: World, { operationId, sessionId, editor }: Standing): void {
  const partition = partitionOf(editor, PARTITIONS);
  const subject = `${SUBJECTS.partitioned}.${partition}.${editor}.session.undo.${sessionId}`;
  const headers = { 'Spark-Idempotency-Key': `undo-${operationId}` };
  commands.publish(partition, subject, Buffer.from(JSON.stringify({ operationId })), headers, undefined);
}

/** Operations whose last move applied them, in the order of these moves. */
function standing({ history }: World): Standing[] {
  const found = new Map<string, Standing>();
  const sessions = new Map<string, string>();
  for (const { event } of history.events)
    for (const { direction, operation } of movesOf(event)) {
      const { operationId, editor, path } = operation;
      found.delete(operationId);
      if (direction === 'apply') sessions.set(operationId, event.sessionId);
      if (direction !== 'undo')
        found.set(operationId, {
          operationId,
          sessionId: sessions.get(operationId) ?? event.sessionId,
          editor,
          path,
        });
    }
  return [...found.values()];
}

const sameBytes = (left: Uint8Array | null, right: Uint8Array | null): boolean =>
  left === null || right === null ? left === right : Buffer.compare(left, right) === 0;
