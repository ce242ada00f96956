import type { Clock } from '../../core/clock.js';
import { eventIdOf } from '../../core/ids.js';
import { EVENT_VERSION, type FailedEvent, type NotedEvent } from '../../events/event.js';
import type { ReconcileAnswer, ReconcileRequest } from '../ports.js';
import type { Worker } from '../worker.js';

const SUFFIX = 'reconciled';

/** What an operator found out about a command whose outcome is unknown, as an event. Its state stays what it is. */
export function reconciledEvent(end: FailedEvent, request: ReconcileRequest, timestamp: string): NotedEvent {
  const { commandId, sessionId, editor, type } = end;
  const { verdict, text, actor } = request;
  return {
    v: EVENT_VERSION,
    eventId: eventIdOf(commandId, SUFFIX),
    type: `${type.slice(0, type.lastIndexOf('.'))}.${SUFFIX}`,
    commandId,
    sessionId,
    editor,
    timestamp,
    kind: 'noted',
    note: { kind: 'reconciled', verdict, text, actor },
  };
}

/** Appends the operator's word, once a command; answers when it is stored. */
export async function reconcile(
  worker: Worker,
  clock: Clock,
  request: ReconcileRequest,
): Promise<ReconcileAnswer> {
  const { view } = worker;
  if (!view) return { ok: false, code: 'no_worker', message: 'no worker owns the lanes right now' };
  const known = view.state.unknownOutcomes.find(request.commandId);
  if (!known)
    return {
      ok: false,
      code: 'not_unknown',
      message: 'only a command that ended as outcome_unknown can be reconciled',
    };
  if (known.reconciled)
    return { ok: false, code: 'already_reconciled', message: 'this command has been reconciled before' };
  // The editor's owner appends it: the same question has gone to that worker too.
  if (!view.dispatcher.owns(known.end.editor))
    return { ok: false, code: 'not_mine', message: 'another worker owns the editor of this command' };
  const event = reconciledEvent(known.end, request, new Date(clock.nowMs()).toISOString());
  await view.dispatcher.note(event);
  return { ok: true, eventId: event.eventId, timestamp: event.timestamp };
}
