import { describe, expect, it } from 'vitest';
import { ProjectionLag } from '../../src/roles/projectionLag.js';

const end = (streamSeq: number, tsMs: number) => ({ streamSeq, tsMs });

describe('the lag of a projection', () => {
  it('given it is level, then it is 0, however long ago the last event was', () => {
    expect(new ProjectionLag().look(9, end(9, 1_000), 3_600_000)).toEqual({ messages: 0, seconds: 0 });
    expect(new ProjectionLag().look(0, end(0, 0), 3_600_000)).toEqual({ messages: 0, seconds: 0 });
  });

  it('given it stands still while the log grows, then its age grows too', () => {
    const lag = new ProjectionLag();
    expect(lag.look(5, end(8, 10_000), 11_000)).toEqual({ messages: 3, seconds: 1 });
    expect(lag.look(5, end(80, 25_000), 25_000)).toEqual({ messages: 75, seconds: 15 });
    expect(lag.look(7, end(90, 40_000), 40_000)).toEqual({ messages: 83, seconds: 30 });
  });

  it('given it goes on behind a log that grows, then its age is that of what it has not reached', () => {
    const lag = new ProjectionLag();
    lag.look(5, end(8, 10_000), 10_000);
    expect(lag.look(8, end(20, 24_000), 25_000)).toEqual({ messages: 12, seconds: 1 });
    expect(lag.look(20, end(20, 24_000), 40_000)).toEqual({ messages: 0, seconds: 0 });
  });
});
