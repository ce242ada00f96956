import { z } from 'zod';
import { scriptPath, scriptText } from './fields.js';

/** Writes one C# script. Without `overwrite` the file must not exist (create-if-absent); with it, compare-and-set on what lay there. */
export const generateScript = z
  .strictObject({
    name: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a C# identifier of at most 128 characters'),
    path: scriptPath,
    code: scriptText,
    overwrite: z.boolean().optional(),
  })
  .superRefine((payload, context) => {
    const file = payload.path.slice(payload.path.lastIndexOf('/') + 1, -'.cs'.length);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(file))
      context.addIssue({
        code: 'custom',
        path: ['path'],
        message: 'the file name must be a C# identifier before ".cs"',
      });
  });

export type GenerateScript = z.infer<typeof generateScript>;
