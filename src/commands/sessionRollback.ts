import { z } from 'zod';
import { uuid } from './fields.js';
import { deadline } from './metaFields.js';

/**
 * Undoes everything of the session after an operation (which stays) or after a moment, newest first, all or nothing. Outputs of its builds that
 * were started later are removed: a player can be built again.
 */
export const sessionRollback = z.strictObject({
  to: z.union([uuid, deadline], {
    error: 'must be an operation id (UUID) or a moment in ISO 8601 with a time zone',
  }),
});

export type SessionRollback = z.infer<typeof sessionRollback>;
