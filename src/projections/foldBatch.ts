import type { LoggedEvent } from '../events/event.js';
import { CopyBuffer } from '../postgres/copyBuffer.js';
import { dayOf } from '../postgres/partitions.js';
import { type BuildJobChange, buildJobIn, mergeBuildJob } from './buildJobs/fold.js';
import { encodeBuildJobChange } from './buildJobs/write.js';
import { type CommandChange, evolveCommand } from './commands/fold.js';
import { type Reconciled, reconciledIn } from './commands/reconciled.js';
import { encodeCommandChange } from './commands/write.js';
import { encodeEventRow, eventRow } from './events/rows.js';
import { type CallRow, callOf } from './functionCalls/rows.js';
import { encodeScriptRow, scriptRow } from './generatedScripts/rows.js';
import { addImageNeeds } from './images/needs.js';
import { mergeOperation, type OperationChange, operationsIn } from './operations/fold.js';
import { encodeOperationChange } from './operations/write.js';
import { encodePreviewRow, previewRow } from './previews/rows.js';
import { addToSession, type SessionDelta } from './sessions/fold.js';
import { type UsageRow, usageRow } from './usage/rows.js';

/** Everything a batch of events means for the read models, encoded and ready to send. */
export interface FoldedBatch {
  readonly events: CopyBuffer;
  /** Calls by the events that end commands, unless the table knows that a command had ended before. */
  readonly calls: readonly CallRow[];
  /** Of those, the ones that count only if their command had started in an earlier batch. */
  readonly uncertainCalls: readonly CallRow[];
  readonly scripts: CopyBuffer;
  readonly previews: CopyBuffer;
  readonly usage: readonly UsageRow[];
  readonly buildJobs: CopyBuffer;
  /** What operators said about unknown outcomes. */
  readonly reconciled: readonly Reconciled[];
  readonly commands: CopyBuffer;
  readonly commandIds: readonly string[];
  readonly operations: CopyBuffer;
  readonly sessions: ReadonlyMap<string, SessionDelta>;
  /** sha-256 → bytes of the images the batch names. */
  readonly images: ReadonlyMap<string, number>;
  /** UTC days the rows fall on. */
  readonly days: ReadonlySet<number>;
}

/** Folds one event after the other, in log order, into all read models; throws on an event that is not what it says (poison). */
export class BatchFold {
  readonly #events = new CopyBuffer();
  readonly #calls: CallRow[] = [];
  readonly #scripts = new CopyBuffer();
  readonly #previews = new CopyBuffer();
  readonly #usage: UsageRow[] = [];
  readonly #uncertainCalls: CallRow[] = [];
  readonly #buildJobs = new Map<string, BuildJobChange>();
  readonly #reconciled: Reconciled[] = [];
  readonly #commands = new Map<string, CommandChange>();
  readonly #operations = new Map<string, OperationChange>();
  readonly #sessions = new Map<string, SessionDelta>();
  readonly #images = new Map<string, number>();
  readonly #days = new Set<number>();

  add(logged: LoggedEvent): void {
    const { commandId } = logged.event;
    encodeEventRow(this.#events, eventRow(logged));
    this.#days.add(dayOf(logged.tsMs));
    const before = this.#commands.get(commandId);
    const after = evolveCommand(before, logged);
    // An end after the end is a zombie's, and a note moves no state: they change nothing.
    if (after && after !== before) this.#commands.set(commandId, after);
    if (after && after !== before) this.#addCall(logged, after.startedAtMs !== null);
    const script = scriptRow(logged);
    if (script) encodeScriptRow(this.#scripts, script);
    const preview = previewRow(logged);
    if (preview) encodePreviewRow(this.#previews, preview);
    this.#addBuild(logged);
    const usage = usageRow(logged);
    if (usage) this.#usage.push(usage);
    for (const operation of operationsIn(logged)) {
      const { operationId } = operation;
      this.#operations.set(operationId, mergeOperation(this.#operations.get(operationId), operation));
    }
    addImageNeeds(this.#images, logged);
    addToSession(this.#sessions, logged);
  }

  /** The batch; nothing may be added afterwards. */
  finish(): FoldedBatch {
    return {
      events: this.#events,
      calls: this.#calls,
      uncertainCalls: this.#uncertainCalls,
      scripts: this.#scripts,
      previews: this.#previews,
      usage: this.#usage,
      buildJobs: encodeAll(this.#buildJobs.values(), encodeBuildJobChange),
      reconciled: this.#reconciled,
      commands: encodeAll(this.#commands.values(), encodeCommandChange),
      commandIds: [...this.#commands.keys()],
      operations: encodeAll(this.#operations.values(), encodeOperationChange),
      sessions: this.#sessions,
      images: this.#images,
      days: this.#days,
    };
  }

  #addBuild(logged: LoggedEvent): void {
    const build = buildJobIn(logged);
    if (build) this.#buildJobs.set(build.jobId, mergeBuildJob(this.#buildJobs.get(build.jobId), build));
    const reconciled = reconciledIn(logged);
    if (reconciled) this.#reconciled.push(reconciled);
  }

  #addCall(logged: LoggedEvent, startedInBatch: boolean): void {
    const call = callOf(logged);
    if (call === undefined) return;
    if (call.ifStarted && !startedInBatch) this.#uncertainCalls.push(call.row);
    else this.#calls.push(call.row);
  }
}

/** Folds events in log order into all read models. Pure; throws on poison. */
export function foldBatch(events: readonly LoggedEvent[]): FoldedBatch {
  const fold = new BatchFold();
  for (const logged of events) fold.add(logged);
  return fold.finish();
}

function encodeAll<T>(values: Iterable<T>, encode: (out: CopyBuffer, value: T) => void): CopyBuffer {
  const out = new CopyBuffer();
  for (const value of values) encode(out, value);
  return out;
}
