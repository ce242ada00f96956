import { z } from 'zod';
import { LIMITS } from './limits.js';

/** Any tool of the Unity MCP server, opaque to SPARK: called at most once, never retried, never undoable. */
export const callTool = z
  .strictObject({
    tool: z
      .string()
      .regex(/^[A-Za-z0-9_.-]+$/, 'must be the name of a tool')
      .max(LIMITS.toolNameChars),
    arguments: z.record(z.string().max(256), z.unknown()).default({}),
  })
  .superRefine((payload, context) => {
    const bytes = Buffer.byteLength(JSON.stringify(payload.arguments), 'utf8');
    if (bytes > LIMITS.toolArgumentBytes)
      context.addIssue({
        code: 'custom',
        path: ['arguments'],
        message: `are ${bytes} bytes as JSON; at most ${LIMITS.toolArgumentBytes} are allowed`,
        params: { limit: LIMITS.toolArgumentBytes, unit: 'bytes', tooLarge: true },
      });
  });
