import { type CommandDefinition, definitionOf } from '../../commands/catalogue.js';
import type { Command, CommandMeta } from '../../commands/envelope.js';
import { eventIdOf, sha256 } from '../../core/ids.js';
import {
  type BuildIntent,
  type CompletedEvent,
  EVENT_VERSION,
  type EventEnvelope,
  type FailedEvent,
  type FenceToken,
  type FileIntent,
  type NotedEvent,
  type StartedEvent,
  type UsageRecord,
} from '../../events/event.js';
import { USAGE_REPORTED } from '../../events/live.js';
import type { Task, Verdict } from '../lanes/task.js';
import type { BadCommand } from '../ports.js';

/** Texts of a payload above this go into events as `{sha256, bytes}`: the log carries hashes, not files. */
const INLINE_TEXT_CHARS = 1_024;

/** What is recorded before anything is called: one file, several as a unit, a build, or nothing to be recorded. */
export type Intent =
  | FileIntent
  | { readonly intents: readonly FileIntent[] }
  | { readonly build: BuildIntent };

/** Events as data: pure functions of the task, the verdict and the time. `timestamp` is ISO 8601. */
export function startedEvent(
  command: Command,
  token: FenceToken,
  intent: Intent | null,
  timestamp: string,
): StartedEvent {
  const type = `${eventNameOf(command.type)}.started`;
  return {
    v: EVENT_VERSION,
    ...base(command, type, timestamp),
    kind: 'started',
    envelope: envelopeOf(command),
    position: command.position,
    token: { epoch: token.epoch, call: token.call },
    intent: intent && 'path' in intent ? intent : null,
    ...(intent && 'intents' in intent ? { intents: intent.intents } : {}),
    ...(intent && 'build' in intent ? { build: intent.build } : {}),
  };
}

/** What a model call used up, told beside the end of the command that made it. `ordinal` tells several of one command apart. */
export function usageEvent(
  command: Command,
  usage: UsageRecord,
  ordinal: number,
  timestamp: string,
): NotedEvent {
  return {
    v: EVENT_VERSION,
    ...base(command, USAGE_REPORTED, timestamp),
    eventId: eventIdOf(command.commandId, USAGE_REPORTED, ordinal),
    kind: 'noted',
    note: { kind: 'usage', ...usage },
  };
}

export function completedEvent(
  task: Task,
  verdict: Extract<Verdict, { kind: 'completed' }>,
  durationMs: number,
  timestamp: string,
): CompletedEvent {
  const { command } = task;
  return {
    v: EVENT_VERSION,
    ...base(command, `${eventNameOf(command.type)}.completed`, timestamp),
    kind: 'completed',
    outcome: 'completed',
    position: command.position,
    attempts: Math.max(1, task.attempts),
    durationMs: round(durationMs),
    result: verdict.result,
    ...(verdict.change ? { change: verdict.change } : {}),
    ...(verdict.changes ? { changes: verdict.changes } : {}),
    ...(verdict.preview ? { preview: verdict.preview } : {}),
    ...(verdict.build ? { build: verdict.build } : {}),
  };
}

export function failedEvent(
  task: Task,
  verdict: Extract<Verdict, { kind: 'failed' }>,
  durationMs: number | null,
  timestamp: string,
): FailedEvent {
  const { command } = task;
  return {
    v: EVENT_VERSION,
    ...base(command, `${eventNameOf(command.type)}.${verdict.suffix ?? 'failed'}`, timestamp),
    kind: 'failed',
    outcome: verdict.outcome,
    position: command.position,
    // As the read models count: whatever began has been tried once, so that the live answer and the later one agree.
    attempts: task.started ? Math.max(1, task.attempts) : task.attempts,
    durationMs: durationMs === null ? null : round(durationMs),
    error: verdict.error,
    ...(task.started ? {} : { envelope: envelopeOf(command) }),
    ...(verdict.operationId === undefined ? {} : { operationId: verdict.operationId }),
    ...(verdict.changes ? { changes: verdict.changes } : {}),
    ...(verdict.build ? { build: verdict.build } : {}),
  };
}

/** The reject of a publish that never became a command; only where its session can be read. */
export function rejectedEvent(
  bad: BadCommand & { readonly sessionId: string },
  timestamp: string,
): FailedEvent {
  const type = bad.type ?? 'unknown';
  return {
    v: EVENT_VERSION,
    eventId: eventIdOf(bad.commandId, 'rejected'),
    type: `${eventNameOf(type)}.failed`,
    commandId: bad.commandId,
    sessionId: bad.sessionId,
    editor: bad.editor ?? 'unknown',
    timestamp,
    kind: 'failed',
    outcome: 'rejected',
    position: bad.position,
    attempts: 0,
    durationMs: null,
    error: { code: bad.refusal.code, message: bad.refusal.message, errors: bad.refusal.errors },
    envelope: { type, ...metaOf(bad.meta), payloadSha: '', payload: null, acceptedAt: bad.acceptedAt },
  };
}

/** The prefix of a command's events; commands SPARK does not know share one. */
function eventNameOf(type: string): string {
  const definition: CommandDefinition | undefined = definitionOf(type);
  return definition?.eventName ?? 'unknown_command';
}

/**
 * Without the version, which goes before it: V8 makes a new hidden class at every call for a literal that begins with a spread and goes
 * on with members of its own (four microseconds, and garbage that only a full collection takes).
 */
function base(command: Command, type: string, timestamp: string) {
  return {
    eventId: eventIdOf(command.commandId, type),
    type,
    commandId: command.commandId,
    sessionId: command.sessionId,
    editor: command.editor,
    timestamp,
  } as const;
}

function envelopeOf(command: Command): EventEnvelope {
  const { type, payloadSha, acceptedAt } = command;
  return { type, ...metaOf(command), payloadSha, payload: summarise(command.payload), acceptedAt };
}

/** Of a command or a refused publish, only what an envelope repeats. */
function metaOf(meta: CommandMeta): CommandMeta {
  const { idempotencyKey, actor, correlationId, causationId, deadline, priority, traceparent } = meta;
  return { idempotencyKey, actor, correlationId, causationId, deadline, priority, traceparent };
}

/** The payload with its long texts replaced by hash and size. */
export function summarise(value: unknown): unknown {
  if (typeof value === 'string')
    return value.length > INLINE_TEXT_CHARS
      ? { sha256: sha256(value), bytes: Buffer.byteLength(value, 'utf8') }
      : value;
  if (Array.isArray(value)) return value.map(summarise);
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, summarise(member)]));
  return value;
}

/** Tenths of a millisecond are all that a duration is good for. */
const round = (ms: number): number => Math.round(ms * 10) / 10;
