import type { SparkEvent, StartedEvent } from '../events/event.js';
import { isTerminal, stateAfter } from '../events/outcome.js';
import { DoneSet } from './doneSet.js';
import { Ledger } from './ledger.js';
import { UndoLog } from './undoLog.js';

/**
 * Everything a worker decides by, as a fold of the log. It is applied at the moment an event is handed to the log: if the append is
 * refused the worker stops and drops all of this, so nobody ever acts on what was not stored.
 */
export class WorkerState {
  readonly ledger: Ledger;
  readonly done = new DoneSet();
  readonly undoLog = new UndoLog();
  /** Started and not ended: their intents tell how far they came. */
  readonly open = new Map<string, StartedEvent>();

  constructor(limits: { maxKeys: number; termMs: number }) {
    this.ledger = new Ledger(limits);
  }

  apply(event: SparkEvent, nowMs: number): void {
    this.undoLog.apply(event);
    const state = stateAfter(event);
    const open = this.open.get(event.commandId);
    if (event.kind === 'started') this.open.set(event.commandId, event);
    else {
      this.open.delete(event.commandId);
      this.done.add(event.position);
    }
    const envelope =
      event.kind === 'started'
        ? event.envelope
        : (open?.envelope ?? (event.kind === 'failed' ? event.envelope : undefined));
    // A refused publish never claims its key: its command id comes from its place, and a corrected publish may use the key.
    if (!envelope || envelope.idempotencyKey === null || state === 'rejected') return;
    const before = this.ledger.find(event.commandId);
    if (before && isTerminal(before.state)) return;
    this.ledger.record(event.commandId, {
      payloadSha: envelope.payloadSha,
      state,
      attempts: event.kind === 'started' ? (before?.attempts ?? 1) : event.attempts,
      recordedAtMs: before?.recordedAtMs ?? nowMs,
    });
  }
}
