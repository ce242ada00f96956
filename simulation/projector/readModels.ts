import type { LoggedEvent } from '../../src/events/event.js';
import { type BuildJobChange, buildJobIn, mergeBuildJob } from '../../src/projections/buildJobs/fold.js';
import { type CommandChange, evolveCommand } from '../../src/projections/commands/fold.js';
import { type EventRow, eventRow } from '../../src/projections/events/rows.js';
import { type CallRow, callOf } from '../../src/projections/functionCalls/rows.js';
import { type ScriptRow, scriptRow } from '../../src/projections/generatedScripts/rows.js';
import { mergeOperation, type OperationChange, operationsIn } from '../../src/projections/operations/fold.js';
import { addToSession, type SessionDelta } from '../../src/projections/sessions/fold.js';

/**
 * The read models as tables in memory: what each holds comes from production's own row and fold functions, event by event. (How Postgres
 * merges a batch into its tables is SQL, and has integration tests of its own.)
 */
export class ReadModels {
  readonly events: EventRow[] = [];
  readonly calls: CallRow[] = [];
  readonly scripts: ScriptRow[] = [];
  readonly commands = new Map<string, CommandChange>();
  readonly operations = new Map<string, OperationChange>();
  readonly builds = new Map<string, BuildJobChange>();
  readonly sessions = new Map<string, SessionDelta>();

  apply(logged: LoggedEvent): void {
    const { commandId } = logged.event;
    this.events.push(eventRow(logged));
    const before = this.commands.get(commandId);
    const after = evolveCommand(before, logged);
    if (after && after !== before) {
      this.commands.set(commandId, after);
      const call = callOf(logged);
      if (call && (!call.ifStarted || after.startedAtMs !== null)) this.calls.push(call.row);
    }
    const script = scriptRow(logged);
    if (script) this.scripts.push(script);
    const build = buildJobIn(logged);
    if (build) this.builds.set(build.jobId, mergeBuildJob(this.builds.get(build.jobId), build));
    for (const operation of operationsIn(logged)) {
      const { operationId } = operation;
      this.operations.set(operationId, mergeOperation(this.operations.get(operationId), operation));
    }
    addToSession(this.sessions, logged);
  }

  /** Every table as text: equal texts are equal read models, to the last byte. */
  dump(): string {
    return JSON.stringify(this.tables());
  }

  /** Every table, rows in the order of their keys. */
  tables(): readonly (readonly unknown[])[] {
    const sessions = [...this.sessions.values()].map((row) => ({ ...row, editors: [...row.editors].sort() }));
    return [
      this.events,
      this.calls,
      this.scripts,
      rowsOf(this.commands),
      rowsOf(this.operations),
      rowsOf(this.builds),
      sessions.sort((left, right) => (left.sessionId < right.sessionId ? -1 : 1)),
    ];
  }
}

const rowsOf = (table: ReadonlyMap<string, unknown>): unknown[] =>
  [...table].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row);
