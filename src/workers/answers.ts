import { createTwoFilesPatch } from 'diff';
import { sha256 } from '../core/ids.js';
import type { CommandState } from '../events/outcome.js';
import { textOf } from './decide.js';
import { conflictOf, findTarget, imagesOf } from './decideUndo.js';
import type { FileContent } from './editor.js';
import { currentOf } from './executeScript.js';
import { contentOf } from './fileChange.js';
import type { WorkerAnswers } from './ports.js';
import type { RecentEnd } from './recentEnds.js';
import type { Worker } from './worker.js';
import type { WorkerDependencies } from './workerOptions.js';

const PLAN_TIMEOUT_MS = 8_000;

/** What a worker says when asked: the state of commands it knows, and what an undo would do. Answered from memory and one probe. */
export function createWorkerAnswers(
  worker: Worker,
  deps: Pick<WorkerDependencies, 'gate' | 'images'>,
): WorkerAnswers {
  return {
    heldCommands: () => worker.view?.dispatcher.claims.size ?? 0,
    status: async (commandIds) => commandIds.flatMap((commandId) => statusOf(worker, commandId) ?? []),
    planUndo: (request) => planUndo(worker, deps, request),
  };
}

interface Status {
  readonly commandId: string;
  readonly state: CommandState;
  readonly attempts: number;
  readonly payloadSha: string | undefined;
  readonly outcome: RecentEnd['outcome'] | null;
}

/** What is stored of a command; an end that is still on its way to the log is not told. */
function statusOf(worker: Worker, commandId: string): Status | undefined {
  const { view } = worker;
  if (!view) return undefined;
  const { state, dispatcher } = view;
  const claim = dispatcher.claims.find(commandId);
  const open = state.open.get(commandId);
  const entry = state.ledger.find(commandId);
  const end = dispatcher.ends.find(commandId);
  const payloadSha = claim?.payloadSha ?? open?.envelope.payloadSha ?? entry?.payloadSha;
  const told = (state: CommandState, attempts: number, outcome: Status['outcome'] = null): Status => ({
    commandId,
    state,
    attempts,
    payloadSha,
    outcome,
  });
  if (claim) {
    // Ended, but its end is not stored yet: a keyless one is in no ledger, and a state never goes back.
    const begun = open !== undefined || entry !== undefined || state.done.has(claim);
    return begun ? told('started', entry?.attempts ?? 1) : told('accepted', 0);
  }
  if (end) return told(end.state, end.attempts, end.outcome);
  if (entry) return told(entry.state, entry.attempts);
  return open && told('started', 1);
}

async function planUndo(
  worker: Worker,
  { gate, images }: Pick<WorkerDependencies, 'gate' | 'images'>,
  request: { sessionId: string; direction: 'undo' | 'redo'; operationId?: string },
): Promise<object> {
  const { view } = worker;
  if (!view) return { ok: false, code: 'no_worker', message: 'no worker owns the lanes right now' };
  const { undoLog } = view.state;
  const target = findTarget(undoLog, request.sessionId, request.direction, request.operationId);
  if (target.kind === 'failed') return { ok: false, code: target.error.code, message: target.error.message };
  const { operationId, editor, path } = target.operation;
  const known = { operationId, editor, path };
  const probe = await gate.probe(editor, path, AbortSignal.timeout(PLAN_TIMEOUT_MS));
  if (probe.state === 'away')
    return { ok: false, code: 'editor_away', message: `editor ${editor} is away: ${probe.reason}`, ...known };
  if (probe.state === 'refused') return { ok: false, code: probe.code, message: probe.message, ...known };
  const current = currentOf(probe);
  const conflict = conflictOf(
    target.operation,
    request.direction,
    current,
    current?.meta ? sha256(current.meta) : null,
    undoLog,
  );
  if (conflict) return { ok: false, ...conflict, ...known };
  const { to } = imagesOf(target.operation, request.direction);
  const after = to === null ? null : await contentOf(to, images);
  if (after === undefined)
    return { ok: false, code: 'image_missing', message: 'its image is not in the image store', ...known };
  return { ok: true, ...known, diff: diffOf(path, current ?? null, after) };
}

/** A unified diff of what would change; an absent file is /dev/null, and what is not text is only named. */
function diffOf(path: string, before: FileContent | null, after: FileContent | null): string {
  const [from, to] = [before, after].map((content) => (content === null ? '' : textOf(content.bytes)));
  if (from === undefined || to === undefined) return `Binary file ${path} would change\n`;
  return createTwoFilesPatch(
    before ? `a/${path}` : '/dev/null',
    after ? `b/${path}` : '/dev/null',
    from,
    to,
    '',
    '',
    { context: 3 },
  );
}
