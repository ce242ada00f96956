import { expect, it } from 'vitest';
import { ProgressFeed } from '../../src/streams/progressFeed.js';
import type { Telemetry } from '../../src/streams/telemetryQueue.js';
import { AutoClock } from '../support/autoClock.js';

it('given a file of a unit done, then its session’s subject says which and how many of how many', () => {
  const queued: Telemetry[] = [];
  new ProgressFeed({ add: (telemetry) => queued.push(telemetry) }, new AutoClock()).addUnit({
    sessionId: 's-1',
    commandId: 'c-1',
    commandType: 'session.rollback',
    editor: 'left',
    path: 'Assets/A.cs',
    filesDone: 2,
    filesTotal: 3,
  });
  expect(queued).toMatchObject([{ kind: 'progress', subject: 'spark.runtime.session.progress.s-1' }]);
  expect(JSON.parse(new TextDecoder().decode(queued[0]?.body))).toEqual({
    type: 'rollback.progress',
    timestamp: '2026-03-01T10:00:00.000Z',
    sessionId: 's-1',
    commandId: 'c-1',
    editor: 'left',
    path: 'Assets/A.cs',
    filesDone: 2,
    filesTotal: 3,
  });
});
