import { z } from 'zod';

/** The gate as a process of its own (`spark gate`), and how workers reach it. */
export const GATE_FIELDS = [
  {
    name: 'SPARK_GATE_URL',
    doc: 'The gate that this worker calls the editors through, e.g. http://127.0.0.1:8790; several workers need one; unset: a gate inside the worker',
    default: '',
    schema: z
      .string()
      .refine((url) => /^https?:\/\//.test(url) && URL.canParse(url), 'must be an http:// or https:// URL'),
  },
  {
    name: 'SPARK_GATE_TOKEN',
    doc: 'Bearer token between workers and gate; unset on loopback: one is made and kept in the home, for all of the same home',
    default: '',
    schema: z.string().min(16),
  },
  {
    name: 'SPARK_GATE_HOST',
    doc: 'Address spark gate listens on; anything but loopback needs SPARK_GATE_TOKEN',
    default: '127.0.0.1',
    schema: z.string().min(1),
  },
  {
    name: 'SPARK_GATE_PORT',
    doc: 'Port of spark gate; 0: any free one, which it prints',
    default: '8790',
    schema: z.coerce.number().int().min(0).max(65_535),
  },
] as const;
