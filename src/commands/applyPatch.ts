import { z } from 'zod';
import { scriptPath, utf8Text } from './fields.js';
import { LIMITS } from './limits.js';

const position = z.int().min(1);

/** One replacement: 1-based lines and columns (columns count UTF-16 units, as editors do); the end is exclusive. */
export const textEdit = z.strictObject({
  startLine: position,
  startCol: position,
  endLine: position,
  endCol: position,
  newText: utf8Text(LIMITS.scriptBytes),
});

/** Changes one existing script by a unified diff or by edits, exactly one of them; `expectedSha256` guards what it was made for. */
export const applyPatch = z
  .strictObject({
    path: scriptPath,
    patch: utf8Text(LIMITS.scriptBytes).optional(),
    edits: z.array(textEdit).min(1).max(LIMITS.patchEdits).optional(),
    expectedSha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits')
      .optional(),
  })
  .superRefine((payload, context) => {
    if ((payload.patch === undefined) === (payload.edits === undefined))
      context.addIssue({
        code: 'custom',
        path: ['patch'],
        message: 'give exactly one of "patch" and "edits"',
      });
    const total = (payload.edits ?? []).reduce(
      (sum, edit) => sum + Buffer.byteLength(edit.newText, 'utf8'),
      0,
    );
    if (total > LIMITS.scriptBytes)
      context.addIssue({
        code: 'custom',
        path: ['edits'],
        message: `the new texts are ${total} bytes together; at most ${LIMITS.scriptBytes} are allowed`,
        params: { limit: LIMITS.scriptBytes, unit: 'bytes', tooLarge: true },
      });
  });

export type ApplyPatch = z.infer<typeof applyPatch>;
export type TextEdit = z.infer<typeof textEdit>;
