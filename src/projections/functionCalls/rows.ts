import { CATALOGUE } from '../../commands/catalogue.js';
import { isEnd, type LoggedEvent } from '../../events/event.js';
import type { CopyBuffer } from '../../postgres/copyBuffer.js';

export const CALL_COLUMNS = [
  'seq',
  'ts',
  'duration_ms',
  'command_id',
  'attempts',
  'name',
  'status',
  'outcome',
  'session_id',
  'editor',
  'error_code',
] as const;

export interface CallRow {
  readonly seq: number;
  readonly tsMs: number;
  readonly durationMs: number | null;
  readonly commandId: string;
  readonly attempts: number;
  readonly name: string;
  readonly status: 'success' | 'error';
  readonly outcome: string;
  readonly sessionId: string;
  readonly editor: string;
  readonly errorCode: string | null;
}

const NAME_BY_EVENT_NAME = new Map<string, string>(
  Object.values(CATALOGUE).map((definition) => [definition.eventName, definition.callName]),
);

/**
 * The call that a terminal event ends, or undefined where it ends none. `ifStarted`: the event does not say that the tool was
 * called (rejected, cancelled or expired); it counts only if the command had started.
 */
export function callOf({ event, seq, tsMs }: LoggedEvent): { row: CallRow; ifStarted: boolean } | undefined {
  if (!isEnd(event)) return undefined;
  const name = NAME_BY_EVENT_NAME.get(event.type.slice(0, event.type.lastIndexOf('.')));
  if (name === undefined) return undefined;
  const { commandId, sessionId, editor, attempts, durationMs, outcome } = event;
  const completed = event.kind === 'completed';
  return {
    row: {
      seq,
      tsMs,
      durationMs,
      commandId,
      attempts,
      name,
      status: completed ? 'success' : 'error',
      outcome,
      sessionId,
      editor,
      errorCode: completed ? null : event.error.code,
    },
    ifStarted: !completed && durationMs === null,
  };
}

export function encodeCallRow(out: CopyBuffer, row: CallRow): void {
  out.row(CALL_COLUMNS.length);
  out.int8(row.seq);
  out.timestamptz(row.tsMs);
  out.float8(row.durationMs);
  out.uuid(row.commandId);
  out.int4(row.attempts);
  out.text(row.name);
  out.text(row.status);
  out.text(row.outcome);
  out.text(row.sessionId);
  out.text(row.editor);
  out.text(row.errorCode);
}
