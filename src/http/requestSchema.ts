import { z } from 'zod';
import { actor, deadline, idempotencyKey, priority, relationId } from '../commands/metaFields.js';
import { TOKEN_PATTERN } from '../core/ids.js';
import { TRACEPARENT_PATTERN } from '../observability/traceparent.js';

/** One token of a subject: a session, an editor. */
export const token = z.string().regex(TOKEN_PATTERN, 'must be 1 to 64 of A-Z a-z 0-9 _ -');

export { idempotencyKey };

/** One command as `POST /v1/commands` takes it; `payload` is checked by its command's own schema afterwards. */
export const commandRequest = z.strictObject({
  type: z.string().min(1).max(100),
  sessionId: token,
  editor: token.optional(),
  payload: z.unknown(),
  idempotencyKey: idempotencyKey.optional(),
  actor: actor.optional(),
  correlationId: relationId.optional(),
  causationId: relationId.optional(),
  deadline: deadline.optional(),
  priority: priority.optional(),
  traceparent: z.string().regex(TRACEPARENT_PATTERN, 'must be a W3C traceparent').optional(),
});

export type CommandBody = z.infer<typeof commandRequest>;
