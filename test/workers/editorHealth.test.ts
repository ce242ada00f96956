import { describe, expect, it } from 'vitest';
import type { EditorLive, EditorsChanged } from '../../src/http/editorsPort.js';
import { EditorHealth } from '../../src/workers/editors/editorHealth.js';
import { EditorMonitor } from '../../src/workers/editors/editorMonitor.js';
import type { SurveyedEditor } from '../../src/workers/editorsPort.js';
import { AutoClock } from '../support/autoClock.js';
import { liveEditor } from '../support/editorFakes.js';

const seen = (editor: string, change: Partial<SurveyedEditor> = {}): SurveyedEditor => ({
  ...{ editor, source: 'connection', instance: `${editor}@1`, connected: true, reason: null },
  ...change,
});

describe('EditorHealth', () => {
  it('given a connected editor, then it is ready since then; gone from the list, away with the reason, and still known', () => {
    const health = new EditorHealth(new AutoClock());
    health.surveyed([seen('sim')]);
    const ready = health.of('sim');
    expect(ready?.health).toEqual({ state: 'ready', reason: null, since: expect.any(String) });
    health.surveyed([seen('sim')]);
    expect(health.of('sim')?.health.since).toBe(ready?.health.since);
    health.surveyed([]);
    expect(health.of('sim')?.health).toMatchObject({ state: 'away', reason: 'it is not connected any more' });
    expect(health.connected()).toEqual([]);
  });

  it('given a registered editor that is removed, then nobody knows it any more', () => {
    const health = new EditorHealth(new AutoClock());
    health.surveyed([seen('left', { source: 'registry' })]);
    health.surveyed([]);
    expect(health.of('left')).toBeUndefined();
  });

  it('given a lane that waits for its editor, then it is away with the lane’s reason until the lane goes on', () => {
    const health = new EditorHealth(new AutoClock());
    health.surveyed([seen('sim')]);
    health.holding('sim', 'compiling');
    expect(health.of('sim')?.health).toMatchObject({ state: 'away', reason: 'compiling' });
    health.holding('sim', undefined);
    expect(health.of('sim')?.health).toMatchObject({ state: 'ready', reason: null });
  });

  it('given a server that does not list its editors, then an answered call is the first sign of life', () => {
    const health = new EditorHealth(new AutoClock());
    health.surveyed([
      seen('hosted', { source: 'configuration', connected: undefined, reason: 'cannot tell' }),
    ]);
    expect(health.of('hosted')).toMatchObject({ health: { state: 'unknown' }, lastSeenAt: null });
    health.called('hosted');
    expect(health.of('hosted')).toMatchObject({ health: { state: 'ready' }, lastSeenAt: expect.any(String) });
  });
});

describe('EditorMonitor', () => {
  const monitorOf = (state: {
    views: EditorLive[] | undefined;
    survey?: () => Promise<SurveyedEditor[]>;
  }) => {
    const told: EditorsChanged[] = [];
    const health = new EditorHealth(new AutoClock());
    const monitor = new EditorMonitor({
      clock: new AutoClock(),
      health,
      survey: () => state.survey?.() ?? Promise.resolve([]),
      views: () => state.views,
      tell: (changed) => told.push(changed),
      onError: () => undefined,
    });
    return { monitor, told, health };
  };

  it('given a change, then it is told once, with everybody who is known by name', () => {
    const state = { views: [liveEditor('sim'), liveEditor('lost', { source: 'commands' })] };
    const { monitor, told } = monitorOf(state);
    monitor.tell();
    monitor.tell();
    expect(told).toEqual([{ changed: ['sim', 'lost'], known: ['sim'] }]);
    state.views = [liveEditor('sim', { queue: { memory: 1, parked: 0 } })];
    monitor.tell();
    expect(told[1]).toEqual({ changed: ['sim', 'lost'], known: ['sim'] });
  });

  it('given nothing but a later sign of life, or a worker that owns nothing, then nothing is told', () => {
    const state: { views: EditorLive[] | undefined } = { views: [liveEditor('sim')] };
    const { monitor, told } = monitorOf(state);
    monitor.tell();
    state.views = [liveEditor('sim', { lastSeenAt: '2027-01-01T00:00:00.000Z' })];
    monitor.tell();
    state.views = undefined;
    monitor.tell();
    expect(told).toHaveLength(1);
  });

  it('given a change while it looks, then it looks once more', async () => {
    const looks: ((editors: SurveyedEditor[]) => void)[] = [];
    const survey = () => new Promise<SurveyedEditor[]>((resolve) => looks.push(resolve));
    const { monitor, health } = monitorOf({ views: [], survey });
    const first = monitor.survey();
    const anew = monitor.surveyAnew();
    looks[0]?.([seen('old', { source: 'registry' })]);
    await first;
    await expect.poll(() => looks.length).toBe(2);
    looks[1]?.([seen('new')]);
    await anew;
    expect(health.editors).toEqual(['new']);
  });
});
