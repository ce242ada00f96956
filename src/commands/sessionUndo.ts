import { z } from 'zod';
import { uuid } from './fields.js';

/** Undo or redo of one operation: the named one, or the session's newest that can be. */
export const sessionUndo = z.strictObject({ operationId: uuid.optional() });

export type SessionUndo = z.infer<typeof sessionUndo>;
