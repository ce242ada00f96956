import type { LoggedEvent } from '../events/event.js';
import { CopyBuffer } from '../postgres/copyBuffer.js';
import { dayOf } from '../postgres/partitions.js';
import { type CommandChange, evolveCommand } from './commands/fold.js';
import { encodeCommandChange } from './commands/write.js';
import { encodeEventRow, eventRow } from './events/rows.js';
import { type CallRow, callOf, encodeCallRow } from './functionCalls/rows.js';
import { encodeScriptRow, scriptRow } from './generatedScripts/rows.js';
import { addImageNeeds } from './images/needs.js';
import { mergeOperation, type OperationChange, operationIn } from './operations/fold.js';
import { encodeOperationChange } from './operations/write.js';
import { encodePreviewRow, previewRow } from './previews/rows.js';
import { addToSession, type SessionDelta } from './sessions/fold.js';

/** Everything a batch of events means for the read models, encoded and ready to send. */
export interface FoldedBatch {
  readonly events: CopyBuffer;
  readonly calls: CopyBuffer;
  /** Calls that count only if their command had started before this batch. */
  readonly uncertainCalls: readonly CallRow[];
  readonly scripts: CopyBuffer;
  readonly previews: CopyBuffer;
  readonly commands: CopyBuffer;
  readonly commandIds: readonly string[];
  readonly operations: CopyBuffer;
  readonly sessions: ReadonlyMap<string, SessionDelta>;
  /** sha-256 → bytes of the images the batch names. */
  readonly images: ReadonlyMap<string, number>;
  /** UTC days the rows fall on. */
  readonly days: ReadonlySet<number>;
}

/** Folds events in log order into all read models. Pure; throws on an event that is not what it says (poison). */
export function foldBatch(events: readonly LoggedEvent[]): FoldedBatch {
  const out = {
    events: new CopyBuffer(),
    calls: new CopyBuffer(),
    scripts: new CopyBuffer(),
    previews: new CopyBuffer(),
  };
  const uncertainCalls: CallRow[] = [];
  const commands = new Map<string, CommandChange>();
  const operations = new Map<string, OperationChange>();
  const sessions = new Map<string, SessionDelta>();
  const images = new Map<string, number>();
  const days = new Set<number>();
  for (const logged of events) {
    const { commandId } = logged.event;
    encodeEventRow(out.events, eventRow(logged));
    days.add(dayOf(logged.tsMs));
    const before = commands.get(commandId);
    const call = callOf(logged);
    if (call?.ifStarted && (before?.startedAtMs ?? null) === null) uncertainCalls.push(call.row);
    else if (call) encodeCallRow(out.calls, call.row);
    commands.set(commandId, evolveCommand(before, logged));
    const script = scriptRow(logged);
    if (script) encodeScriptRow(out.scripts, script);
    const preview = previewRow(logged);
    if (preview) encodePreviewRow(out.previews, preview);
    const operation = operationIn(logged);
    if (operation) {
      const { operationId } = operation;
      operations.set(operationId, mergeOperation(operations.get(operationId), operation));
    }
    addImageNeeds(images, logged);
    addToSession(sessions, logged);
  }
  return {
    ...out,
    uncertainCalls,
    commands: encodeAll(commands.values(), encodeCommandChange),
    commandIds: [...commands.keys()],
    operations: encodeAll(operations.values(), encodeOperationChange),
    ...{ sessions, images, days },
  };
}

function encodeAll<T>(values: Iterable<T>, encode: (out: CopyBuffer, value: T) => void): CopyBuffer {
  const out = new CopyBuffer();
  for (const value of values) encode(out, value);
  return out;
}
