import type { CommandPosition } from '../../commands/envelope.js';
import type { FailedEvent, SparkEvent, StartedEvent } from '../../events/event.js';
import { isTerminal, stateAfter } from '../../events/outcome.js';
import { BuildJobs } from '../builds/buildJobs.js';
import { intentsOf } from '../lanes/laneUse.js';
import { UndoLog } from '../undo/undoLog.js';
import { DoneSet } from './doneSet.js';
import { KeyRace, samePlace } from './keyRace.js';
import { Ledger } from './ledger.js';
import { OwedLetters } from './owedLetters.js';
import { ParkingLooks } from './parkingLooks.js';
import { UnknownOutcomes } from './unknownOutcomes.js';

/**
 * Everything a worker decides by, as a fold of the log. It is applied at the moment an event is handed to the log: if the append is
 * refused the worker stops and drops all of this, so nobody ever acts on what was not stored.
 */
export class WorkerState {
  readonly #stream: string | undefined;
  readonly ledger: Ledger;
  readonly done = new DoneSet();
  readonly undoLog = new UndoLog();
  readonly builds = new BuildJobs();
  readonly unknownOutcomes = new UnknownOutcomes();
  /** Started and not ended: their intents tell how far they came. */
  readonly open = new Map<string, StartedEvent>();
  /** Of those that others have started: where in the log. */
  readonly #places = new Map<string, number>();

  /** Ends whose dead letter may not be stored: written when their message comes again. */
  readonly owed = new OwedLetters();
  readonly race = new KeyRace();
  readonly looks = new ParkingLooks();

  constructor(limits: { maxKeys: number; termMs: number }, stream?: string) {
    this.#stream = stream;
    this.ledger = new Ledger(limits);
  }

  /** Whether a place counts in the command stream that is read now. */
  isOfStream({ stream }: Pick<CommandPosition, 'stream'>): boolean {
    return stream === undefined || stream === this.#stream;
  }

  /** An event that somebody else has stored, at that place of the log. Of two commands that took one key the first counts alone. */
  follow(event: SparkEvent, place: number, nowMs: number): void | Promise<void> {
    const undecided = isFirst(event) ? this.race.undecided(event) : undefined;
    if (undecided) return undecided.then(() => this.#follow(event, place, nowMs));
    this.#follow(event, place, nowMs);
  }

  #follow(event: SparkEvent, place: number, nowMs: number): void {
    if (event.kind !== 'noted') {
      const open = this.open.get(event.commandId);
      if (event.kind === 'started' && !open) this.#places.set(event.commandId, place);
      const other = open !== undefined && !samePlace(open.position, event.position);
      const first = isFirst(event) && this.race.overtakes(event, place);
      if (first) {
        this.apply(event, nowMs, true);
        return;
      }
      if (other) return;
      if (event.kind === 'started' && !open && this.#hasEnded(event, nowMs)) return;
    }
    this.apply(event, nowMs);
  }

  /** The key of this beginning was used by another command, which has ended: whoever stored it finds that out, and refuses it. */
  #hasEnded({ commandId, envelope }: StartedEvent, nowMs: number): boolean {
    const known = envelope.idempotencyKey === null ? undefined : this.ledger.find(commandId, nowMs);
    return known !== undefined && isTerminal(known.state);
  }

  /** Whether another command that moves one of the same operations began before that place, and has not ended or has moved it. */
  overtaken(event: StartedEvent, place: number): boolean {
    const operations = new Set(operationsOf(event));
    const stands = event.envelope.type === 'session.redo' ? 'undone' : 'applied';
    for (const id of operations)
      if ((this.undoLog.findOperation(event.sessionId, id)?.effective ?? stands) !== stands) return true;
    let behindOurs = false;
    for (const other of this.open.values()) {
      if (other.commandId === event.commandId) {
        behindOurs = true;
        continue;
      }
      // Our own stand here in the order in which they began.
      const otherPlace = this.#places.get(other.commandId) ?? (behindOurs ? Number.POSITIVE_INFINITY : 0);
      if (otherPlace < place && operationsOf(other).some((operation) => operations.has(operation)))
        return true;
    }
    return false;
  }

  /** Whether another command has begun to move one of these operations and has not ended. */
  beingMoved(operationIds: readonly string[], commandId: string): boolean {
    for (const other of this.open.values())
      if (
        other.commandId !== commandId &&
        operationsOf(other).some((operation) => operationIds.includes(operation))
      )
        return true;
    return false;
  }

  /** Whether a command has begun on the editor's files and not ended, of those whose own editor `matches`. */
  busyBy(editor: string, matches: (owner: string) => boolean): boolean {
    for (const event of this.open.values())
      if (matches(event.editor) && intentsOf(event).some((intent) => intent.editor === editor)) return true;
    return false;
  }

  /** `anew`: what is known of its key is void, even that it has ended; ours was said in the same moment and stands behind this. */
  apply(event: SparkEvent, nowMs: number, anew = false): void {
    this.unknownOutcomes.apply(event);
    if (event.kind === 'noted') return;
    this.builds.apply(event);
    this.undoLog.apply(event);
    const state = stateAfter(event);
    const open = this.open.get(event.commandId);
    if (event.kind === 'started') this.open.set(event.commandId, event);
    else {
      this.open.delete(event.commandId);
      this.#places.delete(event.commandId);
      // Places of a command stream that is no more say nothing about this one's.
      if (this.isOfStream(event.position)) this.done.add(event.position);
      if (event.kind === 'failed' && event.error.code === 'attempts_exhausted') this.owed.owe(event);
    }
    const envelope =
      event.kind === 'started'
        ? event.envelope
        : (open?.envelope ?? (event.kind === 'failed' ? event.envelope : undefined));
    // A refused publish never claims its key: its command id comes from its place, and a corrected publish may use the key.
    if (!envelope || envelope.idempotencyKey === null || state === 'rejected') return;
    const before = anew ? undefined : this.ledger.find(event.commandId, nowMs);
    if (before && isTerminal(before.state)) return;
    this.ledger.record(event.commandId, {
      payloadSha: envelope.payloadSha,
      state,
      attempts: event.kind === 'started' ? (before?.attempts ?? 1) : event.attempts,
      recordedAtMs: before?.recordedAtMs ?? nowMs,
    });
  }
}

/** What may be the first that is said of a command: its start, or the end of one that never started. */
const isFirst = (event: SparkEvent): event is StartedEvent | FailedEvent =>
  event.kind === 'started' || (event.kind === 'failed' && event.envelope !== undefined);

/** The operations that an undo, redo or rollback is about to move. */
export const operationsOf = (event: StartedEvent): readonly string[] =>
  intentsOf(event).flatMap(({ operationId, operationIds }) => operationIds ?? operationId ?? []);
