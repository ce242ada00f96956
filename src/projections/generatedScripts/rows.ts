import { CATALOGUE } from '../../commands/catalogue.js';
import type { LoggedEvent } from '../../events/event.js';
import type { CopyBuffer } from '../../postgres/copyBuffer.js';

export const SCRIPT_COLUMNS = [
  'seq',
  'ts',
  'command_id',
  'operation_id',
  'action',
  'session_id',
  'editor',
  'path',
  'sha256',
  'bytes',
  'guid',
] as const;

export interface ScriptRow {
  readonly seq: number;
  readonly tsMs: number;
  readonly commandId: string;
  readonly operationId: string | null;
  readonly action: 'generate' | 'patch' | 'delete';
  readonly sessionId: string;
  readonly editor: string;
  readonly path: string | null;
  readonly sha256: string | null;
  readonly bytes: number | null;
  readonly guid: string | null;
}

const ACTION_BY_EVENT_TYPE = new Map<string, ScriptRow['action']>([
  [`${CATALOGUE['unity.generate_script'].eventName}.completed`, 'generate'],
  [`${CATALOGUE['unity.apply_patch'].eventName}.completed`, 'patch'],
  [`${CATALOGUE['unity.delete_script'].eventName}.completed`, 'delete'],
]);

/** The script that a completed command wrote or removed; undefined for any other event. */
export function scriptRow({ event, seq, tsMs }: LoggedEvent): ScriptRow | undefined {
  if (event.kind !== 'completed') return undefined;
  const action = ACTION_BY_EVENT_TYPE.get(event.type);
  if (action === undefined) return undefined;
  const operation = event.change?.operation;
  const after = operation?.after ?? null;
  // A command that found everything as it should be changed nothing: its answer still says which file it was about.
  const { path, sha256 } = event.result;
  return {
    seq,
    tsMs,
    commandId: event.commandId,
    action,
    sessionId: event.sessionId,
    editor: event.editor,
    operationId: operation?.operationId ?? null,
    path: operation?.path ?? (typeof path === 'string' ? path : null),
    sha256: after?.sha256 ?? (operation === undefined && typeof sha256 === 'string' ? sha256 : null),
    bytes: after?.bytes ?? null,
    guid: after?.meta?.guid ?? null,
  };
}

export function encodeScriptRow(out: CopyBuffer, row: ScriptRow): void {
  out.row(SCRIPT_COLUMNS.length);
  out.int8(row.seq);
  out.timestamptz(row.tsMs);
  out.uuid(row.commandId);
  out.uuid(row.operationId);
  out.text(row.action);
  out.text(row.sessionId);
  out.text(row.editor);
  out.text(row.path);
  out.text(row.sha256);
  out.int4(row.bytes);
  out.text(row.guid);
}
