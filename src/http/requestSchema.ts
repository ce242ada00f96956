import { z } from 'zod';
import { LIMITS } from '../commands/limits.js';
import { TOKEN_PATTERN } from '../core/ids.js';
import { TRACEPARENT_PATTERN } from '../observability/traceparent.js';
import { IDEMPOTENCY_KEY_PATTERN } from './idempotencyKey.js';

/** One token of a subject: a session, an editor. */
export const token = z.string().regex(TOKEN_PATTERN, 'must be 1 to 64 of A-Z a-z 0-9 _ -');

/** Becomes a NATS header: no control characters, nothing that needs an encoding. */
const visible = z
  .string()
  .regex(
    new RegExp(`^[\\x21-\\x7e]{1,${LIMITS.actorChars}}$`),
    `must be 1 to ${LIMITS.actorChars} visible ASCII characters`,
  );

/** As `visible`, with spaces inside: actors are often people. */
const actor = z
  .string()
  .max(LIMITS.actorChars)
  .regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'must be printable ASCII without spaces at its ends');

export const idempotencyKey = z
  .string()
  .regex(IDEMPOTENCY_KEY_PATTERN, `must be 1 to ${LIMITS.idempotencyKeyChars} visible ASCII characters`);

/** One command as `POST /v1/commands` takes it; `payload` is checked by its command's own schema afterwards. */
export const commandRequest = z.strictObject({
  type: z.string().min(1).max(100),
  sessionId: token,
  editor: token.optional(),
  payload: z.unknown(),
  idempotencyKey: idempotencyKey.optional(),
  actor: actor.optional(),
  correlationId: visible.optional(),
  causationId: visible.optional(),
  deadline: z.iso
    .datetime({ offset: true, error: 'must be ISO 8601 with a time zone, e.g. 2030-01-31T12:00:00Z' })
    .optional(),
  priority: z.int().min(0).max(9).optional(),
  traceparent: z.string().regex(TRACEPARENT_PATTERN, 'must be a W3C traceparent').optional(),
});

export type CommandBody = z.infer<typeof commandRequest>;
