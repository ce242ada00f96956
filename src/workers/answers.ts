import type { EditorPause } from '../commands/editorEntry.js';
import type { Clock } from '../core/clock.js';
import { type CommandState, isTerminal } from '../events/outcome.js';
import type { EditorHealth } from './editors/editorHealth.js';
import { editorViews } from './editors/editorViews.js';
import { waitingOf } from './lanes/waiting.js';
import type { RecentEnd } from './ledger/recentEnds.js';
import { reconcile } from './ledger/reconcile.js';
import type { WorkerAnswers } from './ports.js';
import { planUndo } from './undo/planUndo.js';
import type { Worker } from './worker.js';
import type { WorkerDependencies } from './workerOptions.js';

/** What a worker says when asked: the state of commands it knows, and what an undo would do. Answered from memory and one probe. */
export function createWorkerAnswers(
  worker: Worker,
  deps: Pick<WorkerDependencies, 'gate' | 'images' | 'clock'>,
  editors?: EditorsView,
): WorkerAnswers {
  return {
    editors: async () => ({
      editors: editors ? editorViews(editors.health, worker.view?.dispatcher) : [],
    }),
    heldCommands: () => worker.view?.dispatcher.claims.size ?? 0,
    status: async (commandIds) => {
      const known = commandIds.flatMap((commandId) => statusOf(worker, commandId) ?? []);
      // Why it waits is for who asks about one; a batch is asked for by programs that only want its states.
      return commandIds.length === 1
        ? known.map((one) => withWaiting(one, worker, deps.clock, editors))
        : known;
    },
    planUndo: async (request) => {
      // Another worker may have told of an operation a moment ago.
      await worker.level();
      return worker.view
        ? planUndo(worker.view.state, deps, request)
        : { ok: false, code: 'no_worker', message: 'no worker owns the lanes right now' };
    },
    reconcile: (request) => reconcile(worker, deps.clock, request),
  };
}

interface Status {
  readonly commandId: string;
  readonly state: CommandState;
  readonly attempts: number;
  readonly payloadSha: string | undefined;
  readonly outcome: RecentEnd['outcome'] | null;
}

/** What is known of editors beside the lanes. */
export interface EditorsView {
  readonly health: EditorHealth;
  readonly pauseOf: (editor: string) => EditorPause | null;
}

function withWaiting(status: Status, worker: Worker, clock: Clock, editors: EditorsView | undefined): object {
  const { view } = worker;
  if (!view || !editors || isTerminal(status.state)) return status;
  const { dispatcher, state } = view;
  const { commandId } = status;
  const editor = dispatcher.claims.find(commandId)?.editor ?? state.open.get(commandId)?.editor;
  const waiting =
    editor === undefined
      ? undefined
      : waitingOf(commandId, editor, {
          dispatcher,
          health: editors.health,
          pauseOf: (name) => editors.pauseOf(name),
          nowMs: clock.nowMs(),
          monotonicMs: clock.monotonicMs(),
        });
  return waiting ? { ...status, waiting } : status;
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
