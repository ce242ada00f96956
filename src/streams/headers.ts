import { type CommandMeta, DEFAULT_ACTOR, DEFAULT_PRIORITY } from '../commands/envelope.js';
import { LIMITS } from '../commands/limits.js';
import type { FieldProblem } from '../commands/problems.js';

export type HeaderMap = Readonly<Record<string, string>>;

/** The headers of a message as a plain record, names as sent; the first value of each. */
export function headerRecord(headers: Iterable<[string, string[]]> | undefined): Record<string, string> {
  const record: Record<string, string> = {};
  for (const [name, values] of headers ?? []) record[name] = values[0] ?? '';
  return record;
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** A text field of limited length without control characters. */
const plain = (maxChars: number) => (value: string) =>
  value.length > 0 && value.length <= maxChars && !/\p{Cc}/u.test(value)
    ? undefined
    : `must be 1 to ${maxChars} characters without control characters`;

/** What travels beside the payload of a raw publish (product.md section 9); unknown headers are left alone. */
export function metaFromHeaders(headers: HeaderMap): { meta: CommandMeta; errors: FieldProblem[] } {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  const errors: FieldProblem[] = [];
  const read = (name: string, check: (value: string) => string | undefined): string | null => {
    const value = byName.get(name);
    if (value === undefined || value === '') return null;
    const problem = check(value);
    if (problem === undefined) return value;
    errors.push({ pointer: `/headers/${name}`, message: problem });
    return null;
  };
  const key = plain(LIMITS.idempotencyKeyChars);
  const priority = read('spark-priority', (value) =>
    /^[0-9]$/.test(value) ? undefined : 'must be a digit, 0 to 9',
  );
  const deadline = read('spark-deadline', (value) =>
    Number.isNaN(Date.parse(value)) ? 'must be an ISO 8601 time' : undefined,
  );
  const meta: CommandMeta = {
    // A bare Nats-Msg-Id counts as the key too; SPARK's own header wins.
    idempotencyKey: read('spark-idempotency-key', key) ?? read('nats-msg-id', key),
    actor: read('spark-actor', plain(LIMITS.actorChars)) ?? DEFAULT_ACTOR,
    correlationId: read('spark-correlation-id', plain(LIMITS.actorChars)),
    causationId: read('spark-causation-id', plain(LIMITS.actorChars)),
    deadline: deadline === null ? null : new Date(deadline).toISOString(),
    priority: priority === null ? DEFAULT_PRIORITY : Number(priority),
    // A broken trace context is ignored, as W3C asks, never a reason to refuse work.
    traceparent: TRACEPARENT.test(byName.get('traceparent') ?? '')
      ? (byName.get('traceparent') as string)
      : null,
  };
  return { meta, errors };
}
