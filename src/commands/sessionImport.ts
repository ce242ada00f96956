import { z } from 'zod';
import { TOKEN_PATTERN } from '../core/ids.js';
import { assetPath, sha256Hex, uuid } from './fields.js';
import { LIMITS } from './limits.js';
import { deadline } from './metaFields.js';

/** A file at one moment, by content; the bytes lie in the image store before the command is submitted. */
const image = z
  .strictObject({
    sha256: sha256Hex,
    bytes: z.int().min(0).max(LIMITS.assetBytes),
    meta: z
      .strictObject({
        sha256: sha256Hex,
        bytes: z.int().min(0),
        guid: z
          .string()
          .regex(/^[0-9a-f]{32}$/)
          .nullable(),
      })
      .nullable(),
  })
  .nullable();

export const importedOperation = z.strictObject({
  operationId: uuid,
  unitId: uuid.optional(),
  ts: deadline,
  editor: z.string().regex(TOKEN_PATTERN),
  path: assetPath(),
  tool: z.string().min(1).max(64),
  state: z.enum(['applied', 'undone']),
  before: image,
  after: image,
});

/** Takes operations that were exported from another SPARK into this one's undo log, oldest first. */
export const sessionImport = z.strictObject({
  operations: z.array(importedOperation).min(1).max(LIMITS.importOperations),
});

export type SessionImport = z.infer<typeof sessionImport>;
