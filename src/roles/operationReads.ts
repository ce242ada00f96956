import type { OperationDetail, OperationImage, ReadModels } from '../http/readPort.js';
import { listOperations, type OperationView, operationById } from '../projections/operations/queries.js';
import type { Read } from './readModels.js';

/** The undo log as HTTP reads it. */
export function operationReads(read: Read): Pick<ReadModels, 'listOperations' | 'operation'> {
  return {
    listOperations: ({ since, until, ...filter }) =>
      read(async (pool) => {
        const rows = await listOperations(pool, {
          ...filter,
          since: since === undefined ? undefined : new Date(since),
          until: until === undefined ? undefined : new Date(until),
        });
        return rows.map(detailOf);
      }),
    operation: (operationId) =>
      read(async (pool) => {
        const row = await operationById(pool, operationId);
        return row && detailOf(row);
      }),
  };
}

function detailOf(row: OperationView): OperationDetail {
  const { operationId, unitId, commandId, sessionId, editor, path, tool, state, seq, ordinal } = row;
  return {
    ...{ operationId, unitId, commandId, sessionId, editor, path, tool, state },
    ts: row.ts.toISOString(),
    beforeSha256: row.beforeSha256,
    afterSha256: row.afterSha256,
    beforeBytes: row.beforeBytes,
    afterBytes: row.afterBytes,
    stateCommandId: row.stateCommandId,
    stateTs: row.stateTs.toISOString(),
    place: { seq, ordinal },
    before: imageOf(row.beforeSha256, row.beforeBytes, {
      sha256: row.beforeMetaSha256,
      bytes: row.beforeMetaBytes,
      guid: row.beforeGuid,
    }),
    after: imageOf(row.afterSha256, row.afterBytes, {
      sha256: row.afterMetaSha256,
      bytes: row.afterMetaBytes,
      guid: row.afterGuid,
    }),
  };
}

function imageOf(
  sha256: string | null,
  bytes: number | null,
  meta: { sha256: string | null; bytes: number | null; guid: string | null },
): OperationImage | null {
  if (sha256 === null) return null;
  const described =
    meta.sha256 === null ? null : { sha256: meta.sha256, bytes: meta.bytes ?? 0, guid: meta.guid };
  return { sha256, bytes: bytes ?? 0, meta: described };
}
