import { JetStreamApiError } from '@nats-io/jetstream';
import { describe, expect, it } from 'vitest';
import { isServerVerdict, untilAnswered } from '../../src/streams/publish.js';
import { AutoClock } from '../support/autoClock.js';

const refusal = (err_code: number, code: number, description: string) =>
  new JetStreamApiError({ code, err_code, description });

/** What a cluster says while it elects a leader, has servers away, or is asked too much at once. */
const PASSING = [
  [10_004, 'incomplete results'],
  [10_008, 'JetStream system temporarily unavailable'],
  [10_009, 'JetStream cluster can not handle request'],
  [10_023, 'insufficient resources'],
  [10_118, 'stream is offline'],
  [10_119, 'consumer is offline'],
  [10_158, 'duplicate message id is in process'],
  [10_163, 'expected last sequence per subject temporarily unavailable'],
  [10_167, 'too many requests'],
] as const;

const FINAL = [
  [10_037, 'no message found'],
  [10_059, 'stream not found'],
  [10_071, 'wrong last sequence: 7'],
  [10_074, 'replicas > 1 not supported in non-clustered mode'],
  [10_077, 'maximum bytes exceeded'],
] as const;

describe('an answer of JetStream', () => {
  it.each(PASSING)(
    '%i (%s) passes: the same question is asked again until it is answered',
    async (code, text) => {
      let asked = 0;
      const answer = await untilAnswered(new AutoClock(), new AbortController().signal, async () => {
        if (asked++ < 3) throw refusal(code, 503, text);
        return 'stored';
      });
      expect([answer, asked]).toEqual(['stored', 4]);
    },
  );

  it.each(FINAL)('%i (%s) is final', async (code, text) => {
    const error = refusal(code, 500, text);
    expect(isServerVerdict(error)).toBe(true);
    let asked = 0;
    const answer = untilAnswered(new AutoClock(), new AbortController().signal, async () => {
      asked++;
      throw error;
    });
    await expect(answer).rejects.toBe(error);
    expect(asked).toBe(1);
  });
});
