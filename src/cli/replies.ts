import { z } from 'zod';
import { COMMAND_STATES, isTerminal } from '../events/outcome.js';
import { freshnessReply } from './freshness.js';

/** What client commands rely on in the API's answers; anything more is passed through to --json untouched. */

export const submitReply = z.looseObject({
  commandId: z.string(),
  status: z.string().default('accepted'),
  duplicate: z.boolean().default(false),
  warning: z.string().optional(),
});
export type SubmitReply = z.infer<typeof submitReply>;

export const commandReply = z.looseObject({
  commandId: z.string(),
  state: z.string(),
  type: z.string().nullish(),
  sessionId: z.string().nullish(),
  editor: z.string().nullish(),
  actor: z.string().nullish(),
  idempotencyKey: z.string().nullish(),
  attempts: z.number().nullish(),
  acceptedAt: z.string().nullish(),
  startedAt: z.string().nullish(),
  finishedAt: z.string().nullish(),
  /** Why it has not ended yet. */
  waiting: z.looseObject({ reason: z.string(), since: z.string().nullish() }).optional(),
  error: z.unknown().optional(),
  result: z.unknown().optional(),
});
export type CommandReply = z.infer<typeof commandReply>;

export const reconcileReply = z.looseObject({ commandId: z.string(), verdict: z.string() });

export const operationReply = z.looseObject({
  operationId: z.string(),
  unitId: z.string().nullish(),
  ts: z.string().nullish(),
  path: z.string().nullish(),
  tool: z.string().nullish(),
  editor: z.string().nullish(),
  beforeSha256: z.string().nullish(),
  afterSha256: z.string().nullish(),
  state: z.string().nullish(),
});

/** What an undo, redo or rollback would do. */
export const planReply = z.looseObject({
  ok: z.literal(true),
  operationId: z.string().optional(),
  editor: z.string().optional(),
  path: z.string().optional(),
  operations: z.number().optional(),
  filesTotal: z.number().optional(),
  diff: z.string().optional(),
  cut: z.string().optional(),
});
export type PlanReply = z.infer<typeof planReply>;

/** Data of a live event. */
export const liveEvent = z.looseObject({
  type: z.string(),
  commandId: z.string().optional(),
  timestamp: z.string().optional(),
  editor: z.string().optional(),
  outcome: z.string().optional(),
  path: z.string().nullish(),
  operationId: z.string().optional(),
  durationMs: z.number().nullish(),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullish(),
});
export type LiveEvent = z.infer<typeof liveEvent>;

const TERMINAL: ReadonlySet<string> = new Set(COMMAND_STATES.filter(isTerminal));

export function isTerminalState(state: string): boolean {
  return TERMINAL.has(state);
}

/** The state a command is in after a live event: `…completed`, or the outcome that a `…failed` carries. */
export function stateOfEvent(event: LiveEvent): string {
  const suffix = event.type.slice(event.type.lastIndexOf('.') + 1);
  if (suffix !== 'failed') return suffix;
  return event.outcome === undefined || event.outcome === 'expired' ? 'failed' : event.outcome;
}

/** A list answer, with the freshness of the read model that gave it. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.looseObject({ items: z.array(item), freshness: freshnessReply });

/** A dead letter, as lists and `spark dlq show` rely on it. */
export const deadLetterReply = z.looseObject({
  id: z.string(),
  ts: z.string(),
  reason: z.string(),
  state: z.string(),
  attempts: z.number(),
  lastError: z.string(),
  originalSubject: z.string(),
  type: z.string().nullish(),
  sessionId: z.string().nullish(),
  editor: z.string().nullish(),
  commandId: z.string().nullish(),
  redrives: z.number(),
  redrivenAs: z.string().nullish(),
});
export type DeadLetterReply = z.infer<typeof deadLetterReply>;

/** As `listOf`, with the place where the next page begins. */
export const pageOf = <T extends z.ZodType>(item: T) =>
  z.looseObject({ items: z.array(item), nextCursor: z.string().nullish(), freshness: freshnessReply });

/** What an operation changed. */
export const operationDiffReply = operationReply.extend({ diff: z.string(), cut: z.boolean().optional() });

/** The undo log of a session with the bytes of its files. */
export const exportReply = z.looseObject({
  operations: z.array(z.unknown()),
  cut: z.string().nullish(),
});
