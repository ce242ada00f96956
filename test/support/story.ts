import { randomUUID } from 'node:crypto';
import { CATALOGUE, type CommandType } from '../../src/commands/catalogue.js';
import { eventIdOf, sha256, uuidFrom } from '../../src/core/ids.js';
import type {
  CompletedEvent,
  FailedEvent,
  FailureOutcome,
  FileImage,
  LoggedEvent,
  SparkEvent,
  StartedEvent,
} from '../../src/events/event.js';
import { EVENT_VERSION, seqOf } from '../../src/events/event.js';

/** 2026-03-01T10:00:00Z */
export const STORY_BEGAN_MS = 1_772_359_200_000;

export interface CommandStory {
  readonly commandId: string;
  readonly type: CommandType;
  readonly sessionId: string;
  readonly editor: string;
}

export function command(over: Partial<CommandStory> = {}): CommandStory {
  return {
    commandId: randomUUID(),
    type: 'unity.generate_script',
    sessionId: 'session-1',
    editor: 'default',
    ...over,
  };
}

const base = (story: CommandStory, suffix: string) => {
  const type = `${CATALOGUE[story.type].eventName}.${suffix}`;
  return {
    v: EVENT_VERSION,
    eventId: eventIdOf(story.commandId, type),
    type,
    commandId: story.commandId,
    sessionId: story.sessionId,
    editor: story.editor,
    timestamp: new Date(STORY_BEGAN_MS).toISOString(),
  };
};

const position = { partition: 0, seq: 1, index: 0, count: 1 };

export const envelopeOf = (story: CommandStory) => ({
  type: story.type,
  idempotencyKey: `key-${story.commandId}`,
  actor: 'agent-7',
  correlationId: 'corr',
  causationId: null,
  deadline: null,
  priority: 5,
  traceparent: null,
  payloadSha: sha256(story.commandId),
  payload: { name: 'Player', path: 'Assets/Player.cs', code: 'class Player {}' },
  acceptedAt: new Date(STORY_BEGAN_MS - 40).toISOString(),
});

export function started(story: CommandStory): StartedEvent {
  return {
    ...base(story, 'started'),
    kind: 'started',
    envelope: envelopeOf(story),
    position,
    token: { epoch: 1, call: 1 },
    intent: null,
  };
}

export function completed(story: CommandStory, over: Partial<CompletedEvent> = {}): CompletedEvent {
  return {
    ...base(story, 'completed'),
    kind: 'completed',
    outcome: 'completed',
    position,
    attempts: 1,
    durationMs: 12.5,
    result: { path: 'Assets/Player.cs' },
    ...over,
  };
}

export function failed(
  story: CommandStory,
  outcome: FailureOutcome,
  over: Partial<FailedEvent> = {},
): FailedEvent {
  return {
    ...base(story, 'failed'),
    kind: 'failed',
    outcome,
    position,
    attempts: 1,
    durationMs: 7,
    error: { code: `code_${outcome}`, message: `it was ${outcome}` },
    ...over,
  };
}

export function fileImage(text: string): FileImage {
  const meta = `guid: ${sha256(text).slice(0, 32)}`;
  return {
    sha256: sha256(text),
    bytes: Buffer.byteLength(text),
    meta: { sha256: sha256(meta), bytes: meta.length, guid: sha256(text).slice(0, 32) },
  };
}

/** The bytes behind `fileImage(text)`. */
export function imageContents(text: string): [string, Uint8Array][] {
  const meta = `guid: ${sha256(text).slice(0, 32)}`;
  return [text, meta].map((content) => [sha256(content), Buffer.from(content)]);
}

export function operationOf(story: CommandStory, before: string | null, after: string | null) {
  return {
    operationId: uuidFrom('operation', story.commandId),
    editor: story.editor,
    path: 'Assets/Player.cs',
    tool: story.type,
    before: before === null ? null : fileImage(before),
    after: after === null ? null : fileImage(after),
  };
}

/** Events as the log has them: one message each, a millisecond apart. */
export function logged(events: readonly SparkEvent[], firstStreamSeq = 1): LoggedEvent[] {
  return events.map((event, i) => ({
    event,
    seq: seqOf(firstStreamSeq + i, 0),
    tsMs: STORY_BEGAN_MS + firstStreamSeq + i,
    partition: 0,
  }));
}

export type { SparkEvent };
