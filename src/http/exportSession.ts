import type { FastifyReply } from 'fastify';
import type { SessionImport } from '../commands/sessionImport.js';
import { reading } from './app.js';
import { HTTP_LIMITS } from './limits.js';
import type { Images } from './ports.js';
import type { OperationDetail, ReadModels } from './readPort.js';

interface ExportDeps {
  readonly reads: ReadModels;
  readonly images: Images;
}

export interface SessionExport extends SessionImport {
  readonly version: 1;
  readonly session: string;
  readonly cut: string | null;
  readonly images: Readonly<Record<string, string>>;
}

/** The newest operations of a session, oldest first, with their images; whole units only, and never half an operation's bytes. */
export async function exportSession(
  deps: ExportDeps,
  sessionId: string,
  limit: number,
  reply: Pick<FastifyReply, 'header'>,
): Promise<SessionExport> {
  const { data } = await reading(deps.reads.listOperations({ sessionId, limit: limit + 1 }), reply);
  const units = unitsOf(data);
  const images: Record<string, string> = {};
  const taken: OperationDetail[] = [];
  let bytes = 0;
  let cut: string | null = null;
  for (const unit of units) {
    if (taken.length + unit.length > limit) {
      cut = `only the newest ${taken.length} operations are here: more are not exported at once`;
      break;
    }
    const fresh = [...imagesOf(unit)].filter(([sha]) => images[sha] === undefined);
    // By what the operations say, before any is in memory.
    bytes += fresh.reduce((sum, [, size]) => sum + size, 0);
    const fits = bytes <= HTTP_LIMITS.exportImageBytes;
    const found = fits ? await Promise.all(fresh.map(([sha]) => deps.images.get(sha))) : [];
    if (!fits || found.includes(undefined)) {
      cut = found.includes(undefined)
        ? `an image of operation ${unit[0]?.operationId} is gone: it and older ones are left out`
        : `only the newest ${taken.length} operations are here: the images of more pass ${HTTP_LIMITS.exportImageBytes} bytes`;
      break;
    }
    for (const [at, [sha]] of fresh.entries()) images[sha] = Buffer.from(found[at] ?? []).toString('base64');
    taken.push(...unit);
  }
  const operations = await Promise.all(taken.toReversed().map((row) => exported(deps.reads, row)));
  return { version: 1, session: sessionId, cut, operations, images };
}

/** Newest first, as the rows: those of a unit together. */
function unitsOf(rows: readonly OperationDetail[]): OperationDetail[][] {
  const units: OperationDetail[][] = [];
  for (const row of rows) {
    const last = units.at(-1);
    if (last && row.unitId !== null && last[0]?.unitId === row.unitId) last.push(row);
    else units.push([row]);
  }
  return units;
}

/** Sha-256 → bytes. */
function imagesOf(unit: readonly OperationDetail[]): Map<string, number> {
  const images = unit.flatMap(({ before, after }) => [before, before?.meta, after, after?.meta]);
  return new Map(images.flatMap((image) => (image ? [[image.sha256, image.bytes] as const] : [])));
}

async function exported(
  reads: ReadModels,
  row: OperationDetail,
): Promise<SessionImport['operations'][number]> {
  const { operationId, unitId, ts, editor, path, tool, before, after } = row;
  return {
    operationId,
    ...(unitId === null ? {} : { unitId }),
    ...{ ts, editor, path, tool, before, after },
    state: row.state === 'conflict' ? await standing(reads, row.stateCommandId) : row.state,
  };
}

/** An operation whose undo met a conflict stands; one whose redo did is undone. */
async function standing(reads: ReadModels, commandId: string): Promise<'applied' | 'undone'> {
  const { data } = await reading(reads.commandById(commandId), undefined);
  return data?.type === 'session.redo' ? 'undone' : 'applied';
}
