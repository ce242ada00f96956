import { CATALOGUE, type CommandDefinition } from '../commands/catalogue.js';
import type { SparkEvent } from './event.js';

export const USAGE_REPORTED = 'usage.reported';

const BY_EVENT_NAME: ReadonlyMap<string, CommandDefinition> = new Map(
  Object.values(CATALOGUE).map((definition) => [definition.eventName, definition]),
);

/** The catalogue row behind an event type such as `preview.completed`; undefined for a command SPARK does not know. */
export function definitionOfEvent(eventType: string): CommandDefinition | undefined {
  return BY_EVENT_NAME.get(eventType.slice(0, eventType.lastIndexOf('.')));
}

/** Where a stored event is copied for live subscribers: `spark.{family}.{started|completed|failed|…}.{sessionId}`, as its type ends. */
export function liveSubjectOf(event: SparkEvent): string {
  if (event.type === USAGE_REPORTED) return `spark.runtime.usage.reported.${event.sessionId}`;
  const family = definitionOfEvent(event.type)?.liveFamily ?? 'runtime.unity';
  return `spark.${family}.${event.type.slice(event.type.lastIndexOf('.') + 1)}.${event.sessionId}`;
}

/** What a live subscriber gets, over NATS and as SSE data: `{type, sessionId, timestamp, commandId, eventId, editor, outcome?, …}`. */
export function liveBodyOf(event: SparkEvent): Record<string, unknown> {
  const head = {
    type: event.type,
    sessionId: event.sessionId,
    timestamp: event.timestamp,
    commandId: event.commandId,
    eventId: event.eventId,
    editor: event.editor,
  };
  switch (event.kind) {
    case 'started':
      return {
        commandType: event.envelope.type,
        ...head,
        actor: event.envelope.actor,
        path: event.intent?.path,
        ...(event.intents ? { paths: event.intents.map(({ path }) => path) } : {}),
        ...(event.build ? { outputPath: event.build.outputPath, target: event.build.target } : {}),
      };
    case 'completed':
      return {
        outcome: event.outcome,
        ...head,
        attempts: event.attempts,
        durationMs: event.durationMs,
        result: event.result,
        ...(event.change
          ? { operationId: event.change.operation.operationId, path: event.change.operation.path }
          : {}),
        ...(event.changes ? { operations: event.changes.length } : {}),
        ...(event.preview ? { frameRef: `/v1/frames/${event.preview.frameSha256}` } : {}),
      };
    case 'failed':
      return {
        outcome: event.outcome,
        ...head,
        attempts: event.attempts,
        durationMs: event.durationMs,
        error: event.error,
        ...(event.operationId === undefined ? {} : { operationId: event.operationId }),
      };
    case 'noted':
      return { ...head, ...event.note };
  }
}
