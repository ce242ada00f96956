import { z } from 'zod';
import { TOKEN_PATTERN } from '../core/ids.js';
import { assetPath, sha256Hex, uuid } from './fields.js';
import { LIMITS } from './limits.js';
import { deadline } from './metaFields.js';
import { ASSET_MIME_EXTENSIONS } from './mimeTypes.js';

/**
 * What SPARK itself writes: scripts, what presets are made of, and the assets that `unity.ingest_asset` takes in. A redo brings back
 * what was imported, so nothing may come in here that could not have come in there. In lower case.
 */
export const IMPORTABLE_EXTENSIONS: readonly string[] = [
  '.cs',
  '.unity',
  '.physicsmaterial2d',
  ...Object.values(ASSET_MIME_EXTENSIONS).flat(),
];

const importablePath = assetPath().superRefine((path, context) => {
  const lower = path.toLowerCase();
  if (!IMPORTABLE_EXTENSIONS.some((extension) => lower.endsWith(extension)))
    context.addIssue({
      code: 'custom',
      message: `is of no kind that SPARK writes; it must end in ${IMPORTABLE_EXTENSIONS.join(', ')}`,
    });
});

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
  path: importablePath,
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
