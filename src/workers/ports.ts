import type { Command, CommandMeta, CommandPosition } from '../commands/envelope.js';
import type { Refusal } from '../commands/problems.js';
import type { LoggedEvent, SparkEvent } from '../events/event.js';
import type { BuildProgress } from './buildPort.js';
import type { FileRead } from './editor.js';
import type { UnitProgress } from './unitProgressPort.js';

/** Asked by other roles over core NATS: cheap, answered from memory. */
export interface WorkerAnswers {
  heldCommands(): number;
  status(commandIds: readonly string[]): Promise<readonly object[]>;
  /** Every editor it knows, from memory: `EditorsAnswer` of http/editorsPort.ts. */
  editors(): Promise<object>;
  reconcile(request: ReconcileRequest): Promise<ReconcileAnswer>;
  planUndo(request: UndoPlanRequest): Promise<object>;
}

export interface ReconcileRequest {
  readonly commandId: string;
  readonly verdict: 'applied' | 'not_applied';
  readonly text: string;
  readonly actor: string;
}

export type ReconcileAnswer =
  | { readonly ok: true; readonly eventId: string; readonly timestamp: string }
  /** `no_worker`, `not_mine`, `not_unknown`, `already_reconciled`. */
  | { readonly ok: false; readonly code: string; readonly message: string };

/** What a dry run asks: an operation or a unit for undo and redo (the newest when absent), an operation or a moment for a rollback. */
export interface UndoPlanRequest {
  readonly sessionId: string;
  readonly direction: 'undo' | 'redo' | 'rollback';
  readonly operationId?: string;
  /** ISO 8601 or an operation id. */
  readonly to?: string;
}

/** What the worker needs of the streams; src/streams serves it, app.ts joins the two. */

/** One item of a delivered message: a command, or something that cannot be one. */
export type Inbound =
  | { readonly kind: 'command'; readonly command: Command }
  | ({ readonly kind: 'bad' } & BadCommand);

/** What could be read of a publish that is no command. A session that can be read is told by a `rejected` event. */
export interface BadCommand {
  readonly refusal: Refusal;
  readonly commandId: string;
  readonly position: CommandPosition;
  readonly acceptedAt: string;
  readonly sessionId: string | null;
  readonly editor: string | null;
  readonly type: string | null;
  readonly meta: CommandMeta;
}

/** One message of the command stream. Its items are settled one by one; the last one acknowledges it. */
export interface Delivery {
  readonly partition: number;
  readonly seq: number;
  /** The server's count of deliveries since the last reset, from 1: a gap is a message that went to somebody else, or got lost. */
  readonly order: number;
  readonly items: readonly Inbound[];
  readonly original: OriginalMessage;
  ack(): void;
  /** Tells the server that it is still being worked on. */
  working(): void;
}

export interface OriginalMessage {
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Uint8Array;
}

export interface CommandInbox {
  /** When the command stream was made: part of the identity of commands named by their place in it. */
  readonly streamCreated: string;
  /**
   * Makes the server deliver again, in order, everything of the partition that is not acknowledged; returns the floor below which all is.
   * Called at a takeover and after each reconnect: without it what was lost on the wire would come late and out of order. A frozen
   * worker's pull outlives it (measured): what that one is given shows as a gap in `order`.
   */
  reset(partition: number): Promise<{ readonly ackFloor: number }>;
  /** One pull: yields up to `max` messages as they come and ends after that many, after a while without any, or at the abort. */
  pull(partition: number, max: number, signal: AbortSignal): AsyncIterable<Delivery>;
  /** Messages not delivered yet, and the floor. */
  pending(
    partition: number,
  ): Promise<{ readonly waiting: number; readonly unacked: number; readonly ackFloor: number }>;
  /** Drops acknowledged messages below `seq` that the duplicate window does not need any more. */
  purgeBelow(partition: number, seq: number): Promise<void>;
  usage(): Promise<{ readonly bytes: number; readonly maxBytes: number }>;
}

/** The log of one partition, held by one owner. */
export interface PartitionLog {
  /** Grows with every claim: the first half of each fence token. */
  readonly epoch: number;
  /**
   * Appends in call order, batched with whatever else waits; resolves once stored. Retries for as long as the stream is away.
   * Rejects only with `FencedError` (somebody else appended: we are a zombie) or when closed. Resolves with the place in the log.
   * `parkedUpTo`: how far we saw into the parking (see `ParkingLooks`).
   */
  append(events: readonly SparkEvent[], parkedUpTo?: number): Promise<number>;
  close(): Promise<void>;
}

/** One message of the log, decoded when somebody wants its events. Places (`seq`) are those of the whole log: one order for all. */
export interface LogChunk {
  readonly seq: number;
  readonly partition: number;
  /** Whose it is: a claim of the partition, an append of the owner with that epoch, or nobody's who may append. */
  readonly by: 'claim' | number | undefined;
  /** How far the owner saw into the parking, where the message tells that. */
  readonly parkedUpTo?: number | undefined;
  events(): readonly LoggedEvent[];
}

export interface LogPort {
  /** Takes the partition: from now on an append of any earlier owner is refused. */
  claim(partition: number): Promise<PartitionLog>;
  /** The place of the last message now; 0 for an empty log. */
  end(): Promise<number>;
  /**
   * Every message after `afterSeq`, in order, once each, and then those to come, until the abort. May end or throw before that when the
   * connection is lost: the reader goes on from where it was.
   */
  follow(afterSeq: number, signal: AbortSignal): AsyncIterable<LogChunk>;
}

export interface ImageStore {
  /** Stores each once, by sha-256; resolves when all are durable. */
  put(images: readonly { readonly sha256: string; readonly bytes: Uint8Array }[]): Promise<void>;
  /** Undefined for one that is not there. */
  get(sha256: string): Promise<Uint8Array | undefined>;
}

/** What was posted to `/v1/uploads`, by its sha-256, until it expires. */
export interface Uploads {
  /** At most `maxBytes`; throws only the signal's reason. */
  get(sha256: string, maxBytes: number, signal: AbortSignal): Promise<FileRead>;
}

export interface DeadLetterInput {
  readonly reason: string;
  readonly attempts: number;
  readonly lastError: string;
  readonly original: OriginalMessage;
  readonly commandId: string | null;
  readonly sessionId: string | null;
  readonly editor: string | null;
  readonly position: CommandPosition;
}

export interface DeadLetters {
  /** Stores one, once per position; resolves when it is durable. */
  append(letter: DeadLetterInput): Promise<void>;
}

/** Commands of one editor that were moved out of the way of other editors together, in order. */
export interface ParkedBatch {
  readonly parkedSeq: number;
  readonly commands: readonly Command[];
  /** Whose it is: the epoch of the owner's claim. Absent in batches of earlier builds. */
  readonly epoch?: number;
}

/** What an owner sees of the parking when it looks. */
export interface ParkingView {
  /** The newest place of the whole parking; 0 when nothing was ever stored. */
  readonly upTo: number;
  /** The editors that have parked commands. */
  readonly editors: readonly string[];
}

export interface Parking {
  /** Resolves with the place the batch was stored at. */
  park(editor: string, commands: readonly Command[], epoch: number): Promise<number>;
  /** The next batches of an editor after `afterSeq`, in order. */
  read(editor: string, afterSeq: number, maxBatches: number): Promise<ParkedBatch[]>;
  /** Forgets an editor's parked commands up to and with `seq`. */
  release(editor: string, seq: number): Promise<void>;
  look(): Promise<ParkingView>;
}

/** Somebody's wish that a command shall not run (any more). */
export interface CancelRequest {
  readonly commandId: string;
  readonly reason: string | null;
  readonly actor: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Where the wishes are kept: durable, for as long as a key holds. */
export interface Cancels {
  /** Resolves when every wish stored so far has been told; later ones are told as they come, until the abort. */
  watch(onCancel: (request: CancelRequest) => void, signal: AbortSignal): Promise<void>;
}

export interface LiveFeed {
  /** Telemetry: how far a build is. Drops the oldest above its limit and counts it. */
  progress(tick: BuildProgress): void;
  /** Telemetry: how far a unit of files is. Drops the oldest above its limit and counts it. Absent: nobody is told. */
  unitProgress?(tick: UnitProgress): void;
  /** Copies of stored events for live subscribers; at most once. */
  published(events: readonly SparkEvent[]): void;
  /** Telemetry: a new picture. Drops the oldest above its limit and counts it. */
  frame(frame: {
    sessionId: string;
    editor: string;
    commandId: string;
    frameSha256: string;
    mime: string;
    widthPx: number;
    heightPx: number;
  }): void;
}
