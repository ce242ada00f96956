import { z } from 'zod';
import { mediaPath } from './fields.js';
import { ASR_MIME_EXTENSIONS, extensionProblem, typesOf } from './mimeTypes.js';

/** Writes down what is said in a recording of at most 15 minutes. */
export const asrTranscribe = z
  .strictObject({
    path: mediaPath,
    mime: z.enum(typesOf(ASR_MIME_EXTENSIONS)),
    language: z
      .string()
      .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'must be a language tag such as "en" or "pt-BR"')
      .optional(),
  })
  .superRefine(({ mime, path }, context) => {
    const message = extensionProblem(ASR_MIME_EXTENSIONS, mime, path);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['path'], message });
  });

export type AsrTranscribe = z.infer<typeof asrTranscribe>;
