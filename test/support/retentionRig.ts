import type pg from 'pg';
import { systemClock } from '../../src/core/clock.js';
import { createPool } from '../../src/postgres/pools.js';
import {
  type RetentionLimits,
  type RetentionReport,
  runRetention,
} from '../../src/projections/retention/run.js';
import type { TestDatabase } from './postgres.js';
import { projectorRig, type Rig } from './projectorRig.js';
import { command, completed, imageContents, operationOf, STORY_BEGAN_MS, started } from './story.js';

export const DAY_MS = 86_400_000;
export const NO_LIMITS: RetentionLimits = { detailDays: 0, rollupDays: 0, maxBytes: 0 };

/** A projector over a log in memory, and retention at a time of one's choice. */
export interface RetentionRig extends Rig {
  /** Appends a finished change of a script that nobody has had before, so many days after the story began. */
  change(
    session: string,
    day: number,
    over?: { commandId?: string; text?: string },
  ): ReturnType<typeof command>;
  retain(
    limits: Partial<RetentionLimits>,
    nowDay: number,
    over?: { signal?: AbortSignal; patienceMs?: number; sliceRows?: number },
  ): Promise<RetentionReport>;
  readonly owner: pg.Pool;
}

export function retentionRig(db: TestDatabase, over: Parameters<typeof projectorRig>[1] = {}): RetentionRig {
  const rig = projectorRig(db.pool('spark_projector'), over);
  const owner = createPool({
    url: db.adminUrl,
    applicationName: 'test-owner',
    maxConnections: 3,
    statementTimeoutMs: 0,
  });
  const replica = db.pool('spark_ingest', 'replica');
  const pool = db.pool('spark_projector');
  let changes = 0;
  return {
    ...rig,
    owner,
    change: (session, day, { commandId, text = `class Change${changes++} {}` } = {}) => {
      const story = command({ sessionId: session, ...(commandId === undefined ? {} : { commandId }) });
      const operation = operationOf(story, null, text);
      rig.images.add(imageContents(text));
      const tsMs = STORY_BEGAN_MS + day * DAY_MS + rig.log.stream.lastSeq;
      rig.log.append([started(story)], tsMs);
      rig.log.append([completed(story, { change: { direction: 'apply', operation } })], tsMs + 0.25);
      return story;
    },
    retain: async (limits, nowDay, { signal = new AbortController().signal, ...rest } = {}) => {
      const report = await runRetention({
        ...{ pool, owner, replica, signal, limits: { ...NO_LIMITS, ...limits } },
        clock: { ...systemClock, nowMs: () => STORY_BEGAN_MS + nowDay * DAY_MS },
        logEnd: () => rig.log.lastStreamSeq(),
        ...rest,
      });
      if (report === undefined) throw new Error('another run is at it');
      return report;
    },
  };
}
