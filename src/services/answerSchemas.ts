import { z } from 'zod';
import { cleanLine, cleanLines } from './cleanAnswer.js';

/** What the services answer (docs/services.md). Members nobody named are dropped; text is cleaned: it comes from pictures and voices. */
const lines = z.string().transform(cleanLines);
const line = z.string().transform((text) => cleanLine(text));
const share = z.number().min(0).max(1);
const count = z.int().min(0).max(1_000_000_000_000);
const seconds = z.number().min(0);

const usage = z
  .object({
    model: z
      .string()
      .transform((text) => cleanLine(text, 200))
      .pipe(z.string().min(1)),
    inputTokens: count.default(0),
    outputTokens: count.default(0),
    costUsd: z.number().min(0).max(1_000_000).optional(),
  })
  .optional();

const page = z.object({
  page: z.int().min(1),
  text: lines,
  confidence: share,
  words: z
    .array(z.object({ text: line, confidence: share, box: z.array(z.number()).length(4).optional() }))
    .max(20_000)
    .optional(),
});

export const ANSWER_SCHEMAS = {
  'cv.ocr': z.object({ text: lines, pages: z.array(page).max(10), usage }),
  'cv.ocv': z.object({ match: z.boolean(), similarity: share, text: lines, usage }),
  'cv.classify': z.object({
    labels: z
      .array(z.object({ label: line, score: share }))
      .min(1)
      .max(1_000)
      .transform((labels) => labels.toSorted((left, right) => right.score - left.score)),
    usage,
  }),
  'asr.transcribe': z.object({
    text: lines,
    segments: z.array(z.object({ startSeconds: seconds, endSeconds: seconds, text: lines })).max(20_000),
    language: line,
    durationSeconds: seconds,
    usage,
  }),
} as const;

export type ServiceCall = keyof typeof ANSWER_SCHEMAS;
export const isServiceCall = (type: string): type is ServiceCall => Object.hasOwn(ANSWER_SCHEMAS, type);

/** `{"code": "...", "message": "..."}` of an answer that is no success; anything else counts as text. */
export const refusalSchema = z.object({ code: z.string().optional(), message: z.string().optional() });
