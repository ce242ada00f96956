import { describe, expect, it } from 'vitest';
import { ProgressFeed } from '../../src/streams/progressFeed.js';
import type { Telemetry } from '../../src/streams/telemetryQueue.js';
import { AutoClock } from '../support/autoClock.js';

const tick = (elapsedMs: number, percent: number | null = null) => ({
  sessionId: 's-1',
  commandId: 'c-1',
  editor: 'default',
  jobId: 'c-1',
  state: 'building' as const,
  elapsedMs,
  percent,
});

describe('progress ticks of a build', () => {
  it.each([
    [null, {}],
    [50, { percent: 50 }],
  ])(
    'given the percentage %s, then the tick says when, whose, how far, and percent only when it is known',
    (percent, more) => {
      const queued: Telemetry[] = [];
      new ProgressFeed({ add: (telemetry) => queued.push(telemetry) }, new AutoClock()).add(
        tick(10, percent),
      );
      expect(queued).toMatchObject([{ kind: 'progress', subject: 'spark.build.unity.progress.s-1' }]);
      expect(JSON.parse(new TextDecoder().decode(queued[0]?.body))).toEqual({
        type: 'build.progress',
        sessionId: 's-1',
        timestamp: '2026-03-01T10:00:00.000Z',
        commandId: 'c-1',
        editor: 'default',
        jobId: 'c-1',
        state: 'building',
        elapsedMs: 10,
        ...more,
      });
    },
  );
});
