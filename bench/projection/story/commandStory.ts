import { CATALOGUE, type CommandType } from '../../../src/commands/catalogue.js';
import {
  type CompletedEvent,
  EVENT_VERSION,
  type EventEnvelope,
  type FileIntent,
  type OperationMove,
  type SparkEvent,
} from '../../../src/events/event.js';
import { USAGE_REPORTED } from '../../../src/events/live.js';
import { type Ending, endingOf } from './endings.js';
import { type Random, someSha } from './random.js';
import { nextVersion, type Session } from './session.js';
import { type Answer, answerOf, type Payload, payloadOf } from './shapes.js';

const PARTITIONS = 8;
/** The log's partition of an editor. */
export const partitionOf = (editorIndex: number): number => editorIndex % PARTITIONS;
const CACHED_PREVIEW_SHARE = 0.35;

/** One command from its acceptance on: times are epoch ms of the story. */
export interface CommandTimes {
  readonly acceptedMs: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

export interface StoryEvent {
  readonly atMs: number;
  readonly partition: number;
  readonly event: SparkEvent;
}

/** All events of one command, in order, as the worker writes them. Moves the session's files and undo log along. */
export function eventsOf(
  random: Random,
  session: Session,
  type: CommandType,
  times: CommandTimes,
): StoryEvent[] {
  const teller = new Teller(random, session, type, times);
  const ending = endingOf(random);
  return ending === undefined ? teller.completed() : teller.failed(ending);
}

class Teller {
  readonly #random: Random;
  readonly #session: Session;
  readonly #type: CommandType;
  readonly #times: CommandTimes;
  readonly #commandId: string;
  readonly #operationId: string;
  readonly #position: { partition: number; seq: number; index: number; count: number };
  readonly #payload: Payload;

  constructor(random: Random, session: Session, type: CommandType, times: CommandTimes) {
    this.#random = random;
    this.#session = session;
    this.#type = type;
    this.#times = times;
    this.#commandId = random.uuid();
    this.#operationId = random.uuid();
    const partition = partitionOf(session.editorIndex);
    this.#position = {
      partition,
      seq: random.between(1, 40_000_000),
      index: random.between(0, 15),
      count: 16,
    };
    this.#payload = payloadOf(random, session, type);
  }

  completed(): StoryEvent[] {
    const move = this.#move();
    const undoing = this.#type === 'session.undo' || this.#type === 'session.redo';
    if (undoing && move === undefined)
      return this.failed({
        outcome: 'failed',
        error: { code: 'nothing_to_move', message: 'the session has nothing to undo or redo' },
        unstarted: false,
      });
    const { durationMs, answer } = this.#answer(move);
    const end: CompletedEvent = {
      ...this.#base('completed', this.#times.endedMs),
      kind: 'completed',
      outcome: 'completed',
      position: this.#position,
      attempts: 1,
      durationMs,
      ...answer,
      ...(move === undefined ? {} : { change: move }),
    };
    const told = this.#usage(answer);
    return [...this.#started(this.#intentOf(move)), ...told, this.#at(this.#times.endedMs, end)];
  }

  failed({ outcome, error, unstarted }: Ending): StoryEvent[] {
    const began = unstarted ? [] : this.#started(null);
    return [
      ...began,
      this.#at(this.#times.endedMs, {
        ...this.#base('failed', this.#times.endedMs),
        kind: 'failed',
        outcome,
        position: this.#position,
        attempts: unstarted ? 0 : this.#random.between(1, 3),
        durationMs: unstarted ? null : this.#duration(),
        error,
        ...(unstarted ? { envelope: this.#envelope() } : {}),
      }),
    ];
  }

  #answer(move: OperationMove | undefined): { durationMs: number; answer: Answer } {
    const cached = this.#type === 'unity.render_preview' && this.#random.chance(CACHED_PREVIEW_SHARE);
    const durationMs = cached ? Math.round(this.#random.exponential(3) * 1_000) / 1_000 : this.#duration();
    return { durationMs, answer: answerOf(this.#random, this.#type, this.#payload, move, cached) };
  }

  #started(intent: FileIntent | null): StoryEvent[] {
    const job = this.#type === 'unity.run_build';
    return [
      this.#at(this.#times.startedMs, {
        ...this.#base('started', this.#times.startedMs),
        kind: 'started',
        envelope: this.#envelope(),
        position: this.#position,
        token: { epoch: 1, call: this.#position.seq },
        intent,
        ...(job ? { build: { outputPath: `Builds/${this.#commandId}`, target: 'WebGL' } } : {}),
      }),
    ];
  }

  /** What a report or a service's answer says was used. */
  #usage({ result }: Answer): StoryEvent[] {
    if (this.#type !== 'usage.report') return [];
    const { model, inputTokens, outputTokens, costUsd } = result;
    const base = { ...this.#base('completed', this.#times.endedMs), type: USAGE_REPORTED };
    const note = {
      kind: 'usage' as const,
      model: String(model),
      inputTokens: Number(inputTokens),
      outputTokens: Number(outputTokens),
      costUsd: Number(costUsd),
    };
    return [this.#at(this.#times.endedMs, { ...base, kind: 'noted', note })];
  }

  /** The file change of this command, taken into the session's history. */
  #move(): OperationMove | undefined {
    if (this.#type === 'session.undo' || this.#type === 'session.redo') {
      const direction = this.#type === 'session.undo' ? 'undo' : 'redo';
      const operation = this.#session.move(direction);
      return operation && { direction, operation };
    }
    const { path } = this.#payload;
    const changes = this.#type === 'unity.generate_script' || this.#type === 'unity.apply_patch';
    if (path === undefined || !(changes || this.#type === 'unity.delete_script')) return undefined;
    const before = this.#session.file(path);
    const after = changes ? nextVersion(this.#random, before) : null;
    const { editor } = this.#session;
    const operation = { operationId: this.#operationId, editor, path, tool: this.#type, before, after };
    this.#session.changed(operation);
    return { direction: 'apply', operation };
  }

  #intentOf(move: OperationMove | undefined): FileIntent | null {
    if (move === undefined) return null;
    const { direction, operation } = move;
    const [before, after] =
      direction === 'undo' ? [operation.after, operation.before] : [operation.before, operation.after];
    return {
      path: operation.path,
      editor: operation.editor,
      before,
      after,
      waypoints: [before?.sha256 ?? '', after?.sha256 ?? ''],
      missingFolders: [],
      ...(direction === 'apply' ? {} : { operationId: operation.operationId }),
    };
  }

  #envelope(): EventEnvelope {
    return {
      type: this.#type,
      idempotencyKey: `task-${this.#commandId.slice(0, 13)}`,
      actor: `agent-${this.#session.editorIndex % 12}`,
      correlationId: null,
      causationId: null,
      deadline: null,
      priority: 5,
      traceparent: null,
      payloadSha: someSha(this.#random),
      payload: this.#payload,
      acceptedAt: new Date(this.#times.acceptedMs).toISOString(),
    };
  }

  #base(suffix: string, atMs: number) {
    return {
      v: EVENT_VERSION,
      eventId: this.#random.uuid(),
      type: `${CATALOGUE[this.#type].eventName}.${suffix}`,
      commandId: this.#commandId,
      sessionId: this.#session.id,
      editor: this.#session.editor,
      timestamp: new Date(atMs).toISOString(),
    };
  }

  /** As a monotonic clock tells it: to the microsecond. */
  #duration(): number {
    return Math.round((this.#times.endedMs - this.#times.startedMs) * 1_000) / 1_000;
  }

  #at(atMs: number, event: SparkEvent): StoryEvent {
    return { atMs, partition: this.#position.partition, event };
  }
}
