import type { LoggedEvent } from '../../events/event.js';
import type { CopyBuffer } from '../../postgres/copyBuffer.js';

export const ACT_COLUMNS = [
  'seq',
  'ts',
  'action',
  'actor',
  'command_id',
  'session_id',
  'editor',
  'verdict',
  'reason',
] as const;

/** Something somebody did about a command that another may have asked for: took it back, or said how it really ended. */
export interface ActRow {
  readonly seq: number;
  readonly tsMs: number;
  readonly action: 'cancel' | 'reconcile';
  readonly actor: string;
  readonly commandId: string;
  readonly sessionId: string;
  readonly editor: string;
  /** Of a reconciliation: `applied` or `not_applied`. */
  readonly verdict: string | null;
  readonly reason: string | null;
}

/** The act an event tells of; undefined where it tells of none. A build that its editor cancelled was cancelled by nobody we know. */
export function actOf({ event, seq, tsMs }: LoggedEvent): ActRow | undefined {
  const { commandId, sessionId, editor } = event;
  if (event.kind === 'noted') {
    if (event.note.kind !== 'reconciled') return undefined;
    const { actor, verdict, text } = event.note;
    return { seq, tsMs, action: 'reconcile', actor, commandId, sessionId, editor, verdict, reason: text };
  }
  if (event.kind !== 'failed' || event.outcome !== 'cancelled') return undefined;
  const { actor, reason } = event.error;
  if (typeof actor !== 'string') return undefined;
  const said = typeof reason === 'string' ? reason : null;
  return { seq, tsMs, action: 'cancel', actor, commandId, sessionId, editor, verdict: null, reason: said };
}

export function encodeActRow(out: CopyBuffer, row: ActRow): void {
  out.row(ACT_COLUMNS.length);
  out.int8(row.seq);
  out.timestamptz(row.tsMs);
  out.text(row.action);
  out.text(row.actor);
  out.uuid(row.commandId);
  out.text(row.sessionId);
  out.text(row.editor);
  out.text(row.verdict);
  out.text(row.reason);
}
