import { describe, expect, it } from 'vitest';
import {
  FIRST_HEALTH,
  judgeStandby,
  type StandbyHealth,
  type StandbyPatience,
  type StandbySample,
  type StandbySilence,
} from '../../src/embedded/standbyHealth.js';

const PATIENCE: StandbyPatience = {
  ...{ not_receiving: 5_000, not_a_standby: 5_000, folder_gone: 5_000, will_not_start: 5_000 },
  ...{ replay_paused: 10_000, silent: 10_000, failing: 10_000, replay_stuck: 20_000 },
  ...{ refused: 30_000, starting: 120_000 },
};
const LIMITS = { patienceMs: PATIENCE, steadyAfterMs: 60_000 };
/** What the primary has written, second after second, on a busy and on an idle system. */
const BUSY = (second: number): number => 1_000 + second * 100;
const IDLE = (): number => 1_000;

interface Answer {
  readonly receiverPid: number | undefined;
  readonly replayedTo: number;
  readonly isStandby: boolean;
  readonly isPaused: boolean;
  readonly waitsForQuery: boolean;
}

const answers = (over: Partial<Answer> = {}): StandbySample => ({
  ...{ kind: 'answers', isStandby: true, receiverPid: 7, replayedTo: 1_000 },
  ...{ isPaused: false, waitsForQuery: false },
  ...over,
});
const away = (how: StandbySilence): StandbySample => ({ kind: 'away', how });

/** `5 reseed not_receiving` for each repair that is asked for, one sample a second. */
function repairs(
  seconds: number,
  sampleAt: (second: number) => StandbySample,
  primaryAt: (second: number) => number | undefined = IDLE,
): string[] {
  const asked: string[] = [];
  let health: StandbyHealth = FIRST_HEALTH;
  for (let second = 0; second <= seconds; second += 1) {
    const verdict = judgeStandby(health, sampleAt(second), primaryAt(second), second * 1_000, LIMITS);
    health = verdict.health;
    if (verdict.repair) asked.push(`${second} ${verdict.repair.action} ${verdict.repair.reason}`);
  }
  return asked;
}

describe('a standby that is well', () => {
  it('given one receiver in sample after sample on an idle system, then nothing is done', () => {
    expect(repairs(300, () => answers())).toEqual([]);
  });

  it('given it follows a busy primary, one sample behind, then nothing is done', () => {
    expect(repairs(300, (second) => answers({ replayedTo: BUSY(second - 1) }), BUSY)).toEqual([]);
  });

  it('given it is ever further behind and still makes progress, then nothing is done: seeding would not make it faster', () => {
    expect(repairs(300, (second) => answers({ replayedTo: 1_000 + second }), BUSY)).toEqual([]);
  });

  it('given no receiver but WAL of its own to replay, then it is left alone', () => {
    const sample = (second: number) => answers({ receiverPid: undefined, replayedTo: second });
    expect(repairs(300, sample, BUSY)).toEqual([]);
  });

  it('given its replay waits for a query of a reader, however long and however often, then it is never seeded for that', () => {
    const sample = (second: number) =>
      answers({ replayedTo: 1_000 + Math.floor(second / 30), waitsForQuery: second % 30 > 0 });
    expect(repairs(600, sample, BUSY)).toEqual([]);
    expect(repairs(600, () => answers({ waitsForQuery: true }), BUSY)).toEqual([]);
  });

  it('given the primary is away, then nothing is done, whatever the standby says', () => {
    for (const sample of [away('silent'), away('folder_gone'), answers({ receiverPid: undefined })])
      expect(
        repairs(
          300,
          () => sample,
          () => undefined,
        ),
      ).toEqual([]);
  });
});

describe('a standby that receives nothing', () => {
  it('given no receiver, or a new one in each sample (refused and started again), then it is seeded again after five seconds', () => {
    expect(repairs(6, () => answers({ receiverPid: undefined }))).toEqual(['5 reseed not_receiving']);
    expect(repairs(6, (second) => answers({ receiverPid: 100 + second }))).toEqual([
      '5 reseed not_receiving',
    ]);
  });

  it('given seeding does not help, then each next try waits twice as long, up to 64 times', () => {
    expect(repairs(40, () => answers({ receiverPid: undefined }))).toEqual([
      '5 reseed not_receiving',
      '16 reseed not_receiving',
      '37 reseed not_receiving',
    ]);
    const day = repairs(86_400, () => answers({ receiverPid: undefined }));
    expect(day.length).toBeLessThan(280);
    expect(day.length).toBeGreaterThan(200);
  });

  it('given it is well for a moment after each seed, then its earlier repairs are not forgotten; after a minute they are', () => {
    const flapping = (second: number) => answers({ receiverPid: second % 20 < 4 ? 7 : undefined });
    expect(repairs(400, flapping).length).toBeLessThan(5);
    const rarely = (second: number) => answers({ receiverPid: second % 100 < 90 ? 7 : undefined });
    expect(repairs(320, rarely)).toEqual([
      '95 reseed not_receiving',
      '195 reseed not_receiving',
      '295 reseed not_receiving',
    ]);
  });

  it('given it was promoted, then it is seeded again', () => {
    expect(repairs(6, () => answers({ isStandby: false }))).toEqual(['5 reseed not_a_standby']);
  });
});

describe('a standby that stands still while its receiver is listed as streaming', () => {
  it('given the primary writes on, then it is restarted, and seeded again when that has not helped', () => {
    expect(repairs(70, () => answers(), BUSY)).toEqual(['22 restart replay_stuck', '63 reseed replay_stuck']);
  });

  it('given its replay is paused, then it is resumed, and restarted when that does not last', () => {
    expect(repairs(80, () => answers({ isPaused: true }), BUSY)).toEqual([
      '10 resume replay_paused',
      '31 resume replay_paused',
      '72 restart replay_paused',
    ]);
  });
});

describe('a standby that does not answer', () => {
  it('given nothing comes back, then it is restarted after ten seconds, then seeded', () => {
    expect(repairs(40, () => away('silent'))).toEqual(['10 restart silent', '31 reseed silent']);
  });

  it('given no process listens, then its supervisor has thirty seconds', () => {
    expect(repairs(31, () => away('refused'))).toEqual(['30 reseed refused']);
  });

  it('given it replays what it needs to be consistent, then it has two minutes', () => {
    expect(repairs(121, () => away('starting'))).toEqual(['120 reseed starting']);
  });

  it.each(['folder_gone', 'will_not_start'] as const)('given %s, then it is seeded again at once', (how) => {
    expect(repairs(6, () => away(how))).toEqual([`5 reseed ${how}`]);
  });
});
