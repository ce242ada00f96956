import { join } from 'node:path';
import { expect } from 'vitest';
import { alive, eventually } from '../../support/spark.js';

/** What a SPARK that is ready has written down for its clients. */
export const endpointsFile = (home: string): string => join(home, 'endpoints.json');

/** Waits until none of these processes is left, or fails after `timeoutMs` naming those that are. */
export const gone = (pids: readonly number[], timeoutMs: number) =>
  eventually(() => expect(pids.filter(alive)).toEqual([]), { timeoutMs });
