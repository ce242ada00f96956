import { describe, expect, it } from 'vitest';
import {
  FIRST_HEALTH,
  judgeStandby,
  type StandbyHealth,
  type StandbySample,
} from '../../src/embedded/standbyHealth.js';

const LIMITS = { staleAfterMs: 5_000, unreachableAfterMs: 30_000 };

describe('the judgement on a standby', () => {
  it('given one receiver in sample after sample, then it is well for ever', () => {
    expect(reseedTimes(60, () => answers(7, '0/1'))).toEqual([]);
  });

  it('given no receiver, then it is seeded again after five seconds', () => {
    expect(reseedTimes(6, () => answers(undefined, '0/1'))[0]).toBe(5);
  });

  it('given a new receiver in each sample (refused and started again), then it is seeded again', () => {
    expect(reseedTimes(6, (second) => answers(100 + second, '0/1'))[0]).toBe(5);
  });

  it('given no receiver but WAL of its own to replay, then it is left alone', () => {
    expect(reseedTimes(60, (second) => answers(undefined, `0/${second}`))).toEqual([]);
  });

  it('given it does not answer, then it has thirty seconds', () => {
    expect(reseedTimes(31, () => ({ kind: 'unreachable' }))).toEqual([30]);
  });

  it('given the primary is down, then nothing is done', () => {
    expect(reseedTimes(60, () => answers(undefined, '0/1'), false)).toEqual([]);
  });

  it('given seeding does not help, then each next try waits twice as long', () => {
    expect(reseedTimes(40, () => answers(undefined, '0/1'))).toEqual([5, 16, 37]);
  });
});

function reseedTimes(
  seconds: number,
  sampleAt: (second: number) => StandbySample,
  primaryAnswers = true,
): number[] {
  const times: number[] = [];
  let health: StandbyHealth = FIRST_HEALTH;
  for (let second = 0; second <= seconds; second += 1) {
    const verdict = judgeStandby(health, sampleAt(second), primaryAnswers, second * 1_000, LIMITS);
    health = verdict.health;
    if (verdict.reseed) times.push(second);
  }
  return times;
}

function answers(receiverPid: number | undefined, replayedTo: string): StandbySample {
  return { kind: 'answers', receiverPid, replayedTo };
}
