import { z } from 'zod';
import { scriptPath } from './fields.js';

/** Removes one script and its `.meta`; both are kept for undo. */
export const deleteScript = z.strictObject({ path: scriptPath });

export type DeleteScript = z.infer<typeof deleteScript>;
