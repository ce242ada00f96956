import type { CommandRow, ReadAnswer, ReadModels } from '../http/readPort.js';
import type { PostgresPools } from '../postgres/pools.js';
import { type CommandView, commandById, listCommands } from '../projections/commands/queries.js';
import { sessionEventsAfter } from '../projections/events/queries.js';
import { previewOfFrame } from '../projections/previews/queries.js';
import { deadLetterReads } from './deadLetterReads.js';
import { operationReads } from './operationReads.js';
import type { ReadRouter } from './readRouter.js';

interface Images {
  get(sha256: string): Promise<Uint8Array | undefined>;
}

type Pool = PostgresPools['primary'];
export type Read = <T>(query: (pool: Pool) => Promise<T>) => Promise<ReadAnswer<T>>;

/** What HTTP reads, from the server that suits (`ReadRouter`): stale at worst, never gone while one of the two lives. */
export function createReadModels(router: ReadRouter, images: Images, afterSeq = 0): ReadModels {
  const read: Read = (query) => router.read(query, afterSeq);
  return {
    ...commandReads(read),
    after: (seq) => createReadModels(router, images, Math.max(seq, afterSeq)),
    waitForSeq: (seq, timeoutMs, signal) => router.waitForSeq(seq, timeoutMs, signal),
    sessionEventsAfter: (sessionId, after, limit, source) => {
      const query = (pool: Pool) => sessionEventsAfter(pool, { sessionId, afterSeq: after, limit });
      return source === undefined ? read(query) : router.readFrom(source, query);
    },
    ...operationReads(read),
    frame: (sha256) => read((pool) => frame(pool, images, sha256)),
    ...deadLetterReads(read),
  };
}

function commandReads(read: Read): Pick<ReadModels, 'commandById' | 'listCommands'> {
  return {
    commandById: (commandId) =>
      read(async (pool) => {
        const row = await commandById(pool, commandId);
        return row && commandRow(row);
      }),
    listCommands: ({ sessionId, state, editor, limit }) =>
      read(async (pool) => {
        const query = {
          limit,
          ...(sessionId === undefined ? {} : { sessionId }),
          ...(editor === undefined ? {} : { editor }),
          ...(state === undefined ? {} : { states: [state] }),
        };
        return (await listCommands(pool, query)).map(commandRow);
      }),
  };
}

/** Only pictures that a preview made: scripts lie in the same store, and are nobody's to fetch by hash. */
async function frame(pool: PostgresPools['primary'], images: Images, sha256: string) {
  const preview = await previewOfFrame(pool, sha256);
  const bytes = preview && (await images.get(sha256));
  return preview && bytes ? { bytes, mime: preview.mime } : undefined;
}

function commandRow(row: CommandView): CommandRow {
  return {
    commandId: row.commandId,
    idempotencyKey: row.idempotencyKey,
    type: row.type,
    sessionId: row.sessionId,
    editor: row.editor,
    actor: row.actor ?? '',
    state: row.state,
    attempts: row.attempts,
    acceptedAt: row.acceptedAt?.toISOString() ?? null,
    startedAt: row.startedAt?.toISOString() ?? null,
    finishedAt: row.finishedAt?.toISOString() ?? null,
    errorCode: row.errorCode,
    seq: row.lastSeq,
    result: row.result ?? row.error,
  };
}
