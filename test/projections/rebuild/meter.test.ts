import { describe, expect, it } from 'vitest';
import { Meter } from '../../../src/projections/rebuild/meter.js';

describe('how far a rebuild is', () => {
  it('given nothing yet, then it does not guess', () => {
    expect(new Meter(0, 0, 1_000).now()).toEqual({
      ...{ phase: 'folding', percent: 0, events: 0, eventsPerS: 0, etaMs: null },
    });
  });

  it('given a quarter in a second, then three more seconds are left', () => {
    const meter = new Meter(0, 0, 1_000);
    meter.add(500, 100, 4_000);
    meter.add(1_000, 250, 6_000);
    expect(meter.now()).toMatchObject({ percent: 25, events: 10_000, eventsPerS: 10_000, etaMs: 3_000 });
  });

  it('given a start from a checkpoint, then what lies before it counts for nothing', () => {
    const meter = new Meter(0, 500, 1_000);
    meter.add(1_000, 750, 10);
    expect(meter.now()).toMatchObject({ percent: 50, events: 10, etaMs: 1_000 });
  });

  it('given a change of pace, then the last ten seconds count', () => {
    const meter = new Meter(0, 0, 10_000);
    for (let s = 1; s <= 20; s++) meter.add(s * 1_000, s * 10, s * 100);
    for (let s = 21; s <= 40; s++) meter.add(s * 1_000, 200 + (s - 20) * 100, 1_000);
    const { eventsPerS, etaMs } = meter.now();
    expect(eventsPerS).toBe(1_000);
    expect(etaMs).toBe(((10_000 - 2_200) / 100) * 1_000);
  });

  it('given a log that grows meanwhile, then the aim moves and never goes back', () => {
    const meter = new Meter(0, 0, 100);
    meter.add(1_000, 100, 100);
    expect(meter.now()).toMatchObject({ percent: 100, etaMs: 0 });
    meter.aim(200);
    meter.aim(150);
    meter.enter('catching_up');
    expect(meter.now()).toMatchObject({ phase: 'catching_up', percent: 50, etaMs: 1_000 });
  });

  it('given an empty log, then there is nothing to wait for', () => {
    expect(new Meter(0, 0, 0).now()).toMatchObject({ percent: 100, etaMs: 0 });
  });
});
