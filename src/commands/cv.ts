import { z } from 'zod';
import { mediaPath } from './fields.js';
import { LIMITS } from './limits.js';
import { CV_MIME_EXTENSIONS, extensionProblem, typesOf } from './mimeTypes.js';

/** What the three CV commands share: a picture under `Assets/` or `Uploads/`, and how careful to be. */
const picture = {
  path: mediaPath,
  mime: z.enum(typesOf(CV_MIME_EXTENSIONS)),
  mode: z.enum(['fast', 'accurate']).default('fast'),
};

function extensionFits({ mime, path }: { mime: string; path: string }, context: z.RefinementCtx): void {
  const message = extensionProblem(CV_MIME_EXTENSIONS, mime, path);
  if (message !== undefined) context.addIssue({ code: 'custom', path: ['path'], message });
}

/** Reads the text of a picture. `pages`: how many of a multi-page TIFF at most. */
export const cvOcr = z
  .strictObject({ ...picture, pages: z.int().min(1).max(LIMITS.cvPages).default(1) })
  .superRefine(extensionFits);

/** Checks that a picture shows a text. */
export const cvOcv = z
  .strictObject({ ...picture, expectedText: z.string().min(1).max(LIMITS.cvTextChars) })
  .superRefine(extensionFits);

/** Says which of the labels fits a picture best. */
export const cvClassify = z
  .strictObject({ ...picture, labels: z.array(z.string().min(1).max(100)).min(1).max(LIMITS.cvLabels) })
  .superRefine(extensionFits);

export type CvOcr = z.infer<typeof cvOcr>;
export type CvOcv = z.infer<typeof cvOcv>;
export type CvClassify = z.infer<typeof cvClassify>;
