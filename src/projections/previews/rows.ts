import type { LoggedEvent, PreviewRecord } from '../../events/event.js';
import type { CopyBuffer } from '../../postgres/copyBuffer.js';

export const PREVIEW_COLUMNS = [
  'seq',
  'ts',
  'command_id',
  'session_id',
  'editor',
  'frame_sha256',
  'mime',
  'bytes',
  'width_px',
  'height_px',
  'requested_width_px',
  'requested_height_px',
  'scene_path',
  'game_object',
  'mode',
  'duration_ms',
  'cached',
] as const;

export interface PreviewRow {
  readonly preview: PreviewRecord;
  readonly seq: number;
  readonly tsMs: number;
  readonly commandId: string;
  readonly sessionId: string;
  readonly editor: string;
  readonly durationMs: number;
}

/** The picture that a completed preview made; undefined for any other event. */
export function previewRow({ event, seq, tsMs }: LoggedEvent): PreviewRow | undefined {
  if (event.kind !== 'completed' || event.preview === undefined) return undefined;
  const { commandId, sessionId, editor, durationMs } = event;
  return { preview: event.preview, seq, tsMs, commandId, sessionId, editor, durationMs };
}

export function encodePreviewRow(out: CopyBuffer, row: PreviewRow): void {
  const { preview } = row;
  out.row(PREVIEW_COLUMNS.length);
  out.int8(row.seq);
  out.timestamptz(row.tsMs);
  out.uuid(row.commandId);
  out.text(row.sessionId);
  out.text(row.editor);
  out.text(preview.frameSha256);
  out.text(preview.mime);
  out.int4(preview.bytes);
  out.int4(preview.widthPx);
  out.int4(preview.heightPx);
  out.int4(preview.requestedWidthPx);
  out.int4(preview.requestedHeightPx);
  out.text(preview.scenePath);
  out.text(preview.gameObject);
  out.text(preview.mode);
  out.float8(row.durationMs);
  out.bool(preview.cached);
}
