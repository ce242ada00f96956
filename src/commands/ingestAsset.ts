import { z } from 'zod';
import { assetPath, sha256Hex, uploadPath } from './fields.js';
import { ASSET_MIME_EXTENSIONS, extensionProblem, typesOf } from './mimeTypes.js';

/** Puts one file into the project, if nothing is there: from what was posted to `/v1/uploads`, or from the project's `Uploads/`. */
export const ingestAsset = z
  .strictObject({
    source: z.union([z.strictObject({ upload: sha256Hex }), z.strictObject({ file: uploadPath })]),
    path: assetPath(),
    mime: z.enum(typesOf(ASSET_MIME_EXTENSIONS)),
  })
  .superRefine(({ mime, path }, context) => {
    const message = extensionProblem(ASSET_MIME_EXTENSIONS, mime, path);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['path'], message });
  });

export type IngestAsset = z.infer<typeof ingestAsset>;
