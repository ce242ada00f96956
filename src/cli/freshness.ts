import { z } from 'zod';

/** What a list says of its own age; absent in answers that are not from a read model. */
export const freshnessReply = z
  .looseObject({
    source: z.string().optional(),
    appliedSeq: z.number().nullish(),
    lagMs: z.number().nullish(),
  })
  .optional();
type Freshness = z.infer<typeof freshnessReply>;

/** Below this nobody would notice: it is the usual way from the log to a read model. */
const WORTH_TELLING_MS = 1_000;

/** A line that says how stale a list is; nothing while it is as good as complete. */
export function staleText(freshness: Freshness): string {
  const lagMs = freshness?.lagMs ?? 0;
  if (lagMs < WORTH_TELLING_MS) return '';
  const seconds = Math.round(lagMs / 1_000);
  const where = freshness?.source === undefined ? '' : ` (answered by the ${freshness.source})`;
  return `Not everything is in it yet: up to ${seconds} s behind${where}.\n`;
}
