import type { z } from 'zod';
import { type CommandMeta, DEFAULT_ACTOR, DEFAULT_PRIORITY } from '../commands/envelope.js';
import {
  actor,
  deadline,
  idempotencyKey,
  priority,
  relationId,
  TRACEPARENT,
} from '../commands/metaFields.js';
import type { FieldProblem } from '../commands/problems.js';

export type HeaderMap = Readonly<Record<string, string>>;

/** The headers of a message as a plain record, names as sent; the first value of each. */
export function headerRecord(headers: Iterable<[string, string[]]> | undefined): Record<string, string> {
  const record: Record<string, string> = {};
  for (const [name, values] of headers ?? []) record[name] = values[0] ?? '';
  return record;
}

/** What travels beside the payload of a raw publish (product.md section 9); unknown headers are left alone. */
export function metaFromHeaders(headers: HeaderMap): { meta: CommandMeta; errors: FieldProblem[] } {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const errors: FieldProblem[] = [];
  const read = <T>(
    name: string,
    schema: z.ZodType<T>,
    parse: (text: string) => unknown = (text) => text,
  ): T | null => {
    const value = byName.get(name);
    if (value === undefined || value === '') return null;
    const parsed = schema.safeParse(parse(value));
    if (parsed.success) return parsed.data;
    errors.push({ pointer: `/headers/${name}`, message: parsed.error.issues[0]?.message ?? 'is not valid' });
    return null;
  };
  const until = read('spark-deadline', deadline);
  const traceparent = byName.get('traceparent') ?? '';
  const meta: CommandMeta = {
    // A bare Nats-Msg-Id counts as the key too; SPARK's own header wins.
    idempotencyKey: read('spark-idempotency-key', idempotencyKey) ?? read('nats-msg-id', idempotencyKey),
    actor: read('spark-actor', actor) ?? DEFAULT_ACTOR,
    correlationId: read('spark-correlation-id', relationId),
    causationId: read('spark-causation-id', relationId),
    deadline: until === null ? null : new Date(until).toISOString(),
    priority: read('spark-priority', priority, Number) ?? DEFAULT_PRIORITY,
    // A broken trace context is ignored, as W3C asks, never a reason to refuse work.
    traceparent: TRACEPARENT.test(traceparent) ? traceparent : null,
  };
  return { meta, errors };
}
