import type { LoggedEvent } from '../events/event.js';
import type { EventText } from '../events/eventText.js';
import { isTerminal } from '../events/outcome.js';
import { CopyBuffer } from '../postgres/copyBuffer.js';
import { hourOf } from '../postgres/partitions.js';
import { type ActRow, actOf } from './audit/acts.js';
import { type BuildJobChange, buildJobIn, mergeBuildJob } from './buildJobs/fold.js';
import { type CommandChange, type CommandOutline, evolveCommand, outlineOf } from './commands/fold.js';
import { type Reconciled, reconciledIn } from './commands/reconciled.js';
import { encodeCommandChange } from './commands/write.js';
import { addToEditor, type EditorDelta } from './editors/fold.js';
import { encodeEventRow } from './events/rows.js';
import { type CallRow, callOf } from './functionCalls/rows.js';
import { encodeScriptRow, scriptRow } from './generatedScripts/rows.js';
import { addImageNeeds } from './images/needs.js';
import { mergeOperation, type OperationChange, operationsIn } from './operations/fold.js';
import { encodeOperationChange } from './operations/write.js';
import { encodePreviewRow, previewRow } from './previews/rows.js';
import { CallTallies } from './rollups/calls.js';
import { EventTallies } from './rollups/events.js';
import { addToSession, type SessionDelta } from './sessions/fold.js';
import { type UsageRow, usageRow } from './usage/rows.js';

/** Everything a batch of events means for the read models, encoded and ready to send. */
export interface FoldedBatch {
  readonly events: CopyBuffer;
  /** Calls by the events that end commands, unless the table knows that a command had ended before. */
  readonly calls: readonly CallRow[];
  /** Of those, the ones that count only if their command had started in an earlier batch. */
  readonly uncertainCalls: readonly CallRow[];
  /** What `calls` add to the rollups. */
  readonly callTallies: CallTallies;
  /** What the events add to the rollups, whatever happened before. */
  readonly eventTallies: EventTallies;
  readonly scripts: CopyBuffer;
  readonly previews: CopyBuffer;
  readonly usage: readonly UsageRow[];
  /** Unless the table knows that their command had ended before. */
  readonly buildJobs: readonly BuildJobChange[];
  /** What operators said about unknown outcomes. */
  readonly reconciled: readonly Reconciled[];
  /** One row each of `commandChanges`, in their order. */
  readonly commands: CopyBuffer;
  readonly commandChanges: readonly CommandOutline[];
  readonly commandIds: readonly string[];
  /** One row each of `operationChanges`, in their order. */
  readonly operations: CopyBuffer;
  readonly operationChanges: readonly OperationChange[];
  readonly sessions: ReadonlyMap<string, SessionDelta>;
  readonly editors: ReadonlyMap<string, EditorDelta>;
  /** Reconciliations, and cancellations unless the table knows that the command had ended before. */
  readonly acts: readonly ActRow[];
  /** sha-256 → bytes of the images the batch names. */
  readonly images: ReadonlyMap<string, number>;
  /** UTC hours the rows fall into. */
  readonly hours: ReadonlySet<number>;
}

/** Folds one event after the other, in log order, into all read models; throws on an event that is not what it says (poison). */
export class BatchFold {
  readonly #events = new CopyBuffer();
  readonly #calls: CallRow[] = [];
  readonly #scripts = new CopyBuffer();
  readonly #previews = new CopyBuffer();
  readonly #usage: UsageRow[] = [];
  readonly #uncertainCalls: CallRow[] = [];
  readonly #callTallies = new CallTallies();
  readonly #eventTallies = new EventTallies();
  readonly #editors = new Map<string, EditorDelta>();
  readonly #acts: ActRow[] = [];
  readonly #buildJobs = new Map<string, BuildJobChange>();
  readonly #reconciled: Reconciled[] = [];
  /** Rows of the commands that have ended: written at their end, so that their events need not be kept. */
  readonly #commands = new CopyBuffer();
  readonly #ended = new Map<string, CommandOutline>();
  readonly #open = new Map<string, CommandChange>();
  readonly #operations = new Map<string, OperationChange>();
  readonly #sessions = new Map<string, SessionDelta>();
  readonly #images = new Map<string, number>();
  readonly #hours = new Set<number>();

  /** `text`: where the event's JSON lies, to be taken over as it is; without it, it is written anew. */
  add(logged: LoggedEvent, text?: EventText): void {
    const { commandId } = logged.event;
    encodeEventRow(this.#events, logged, text?.rest);
    this.#hours.add(hourOf(logged.tsMs));
    // An end after the end is a zombie's, and a note moves no state: they change nothing.
    const before = this.#open.get(commandId);
    const after = this.#ended.has(commandId) ? undefined : evolveCommand(before, logged, text);
    const moved = after !== undefined && after !== before;
    if (moved) {
      this.#keep(after);
      this.#addCall(logged, after.startedAtMs !== null);
      this.#addBuild(logged);
    }
    this.#addSaid(logged, moved);
    const script = scriptRow(logged);
    if (script) encodeScriptRow(this.#scripts, script);
    const preview = previewRow(logged);
    if (preview) encodePreviewRow(this.#previews, preview);
    const usage = usageRow(logged);
    if (usage) this.#usage.push(usage);
    for (const operation of operationsIn(logged)) {
      const { operationId } = operation;
      this.#operations.set(operationId, mergeOperation(this.#operations.get(operationId), operation));
    }
    addImageNeeds(this.#images, logged);
    addToSession(this.#sessions, logged);
    addToEditor(this.#editors, logged);
    this.#eventTallies.add(logged, preview?.preview);
  }

  /** The batch; nothing may be added afterwards. */
  finish(): FoldedBatch {
    for (const change of this.#open.values()) encodeCommandChange(this.#commands, change);
    const commandChanges = [...this.#ended.values(), ...this.#open.values()];
    return {
      events: this.#events,
      calls: this.#calls,
      uncertainCalls: this.#uncertainCalls,
      callTallies: this.#callTallies,
      eventTallies: this.#eventTallies,
      scripts: this.#scripts,
      previews: this.#previews,
      usage: this.#usage,
      buildJobs: [...this.#buildJobs.values()],
      reconciled: this.#reconciled,
      commands: this.#commands,
      commandChanges,
      commandIds: commandChanges.map(({ commandId }) => commandId),
      operations: encodeAll(this.#operations.values(), encodeOperationChange),
      operationChanges: [...this.#operations.values()],
      sessions: this.#sessions,
      editors: this.#editors,
      acts: this.#acts,
      images: this.#images,
      hours: this.#hours,
    };
  }

  #keep(change: CommandChange): void {
    const { commandId } = change;
    if (isTerminal(change.state)) {
      encodeCommandChange(this.#commands, change);
      this.#ended.set(commandId, outlineOf(change));
      this.#open.delete(commandId);
    } else this.#open.set(commandId, change);
  }

  #addBuild(logged: LoggedEvent): void {
    const build = buildJobIn(logged);
    if (build) this.#buildJobs.set(build.jobId, mergeBuildJob(this.#buildJobs.get(build.jobId), build));
  }

  /** `moved`: the event moved its command; a cancellation that did not is a zombie's. */
  #addSaid(logged: LoggedEvent, moved: boolean): void {
    const act = moved || logged.event.kind === 'noted' ? actOf(logged) : undefined;
    if (act) this.#acts.push(act);
    const reconciled = reconciledIn(logged);
    if (reconciled) this.#reconciled.push(reconciled);
  }

  #addCall(logged: LoggedEvent, startedInBatch: boolean): void {
    const call = callOf(logged);
    if (call === undefined) return;
    if (call.ifStarted && !startedInBatch) this.#uncertainCalls.push(call.row);
    else {
      this.#calls.push(call.row);
      this.#callTallies.add(call.row);
    }
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
