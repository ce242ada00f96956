import { z } from 'zod';

const days = z.coerce.number().int().min(0).max(36_500);

/** What the read models keep. The log itself keeps everything: what went can be told from it again. */
export const RETENTION_FIELDS = [
  {
    name: 'SPARK_RETENTION_DAYS',
    doc: 'Events, calls, usage, ended commands, scripts, previews, ended builds, idle sessions and closed dead letters older than this leave the read models; 0: no age limit. The last 50 operations of a session stay undoable, whatever their age',
    unit: 'days',
    default: '0',
    schema: days,
  },
  {
    name: 'SPARK_ROLLUP_RETENTION_DAYS',
    doc: 'The same for rollups and what the audit knows beyond commands; 0: no age limit. Not below SPARK_RETENTION_DAYS',
    unit: 'days',
    default: '0',
    schema: days,
  },
  {
    name: 'SPARK_RETENTION_MAX_BYTES',
    doc: 'While the live read models weigh more, their oldest partitions go, whatever their age; 0: no limit. A rebuild needs as much again beside it',
    unit: 'bytes',
    default: '0',
    schema: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
  },
  {
    name: 'SPARK_RETENTION_EVERY_MS',
    doc: 'How often is looked whether something has to go',
    unit: 'ms',
    default: '300000',
    schema: z.coerce.number().int().min(100).max(86_400_000),
  },
] as const;
