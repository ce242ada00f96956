import { z } from 'zod';

const count = z.int().min(0).max(1_000_000_000_000);

/** What a model call of an agent or a service used up; told to SPARK, it shows in `spark_usage` beside what the session did. */
export const usageReport = z.strictObject({
  model: z.string().min(1).max(200),
  inputTokens: count,
  outputTokens: count,
  costUsd: z.number().min(0).max(1_000_000).optional(),
});

export type UsageReport = z.infer<typeof usageReport>;
