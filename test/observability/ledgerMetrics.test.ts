import { expect, it } from 'vitest';
import { sha256, uuidFrom } from '../../src/core/ids.js';
import { createMetrics } from '../../src/observability/metrics.js';
import { observeLedger } from '../../src/roles/ledgerMetrics.js';
import { Ledger } from '../../src/workers/ledger/ledger.js';
import { AutoClock } from '../support/autoClock.js';

it('given a ledger at its limit, the metrics tell the promise and how far it is kept', async () => {
  const metrics = createMetrics();
  const clock = new AutoClock();
  const limits = { maxKeys: 3, termMs: 60_000 };
  let ledger: Ledger | undefined;
  observeLedger(metrics, () => ledger, limits, clock);
  const value = async (name: string) =>
    Number(new RegExp(`^spark_ledger_${name} (.*)$`, 'm').exec(await metrics.text())?.[1]);
  expect([await value('keys'), await value('oldest_key_age_seconds'), await value('bytes')]).toEqual([
    0, 0, 0,
  ]);
  expect([await value('max_keys'), await value('term_seconds')]).toEqual([3, 60]);

  ledger = new Ledger(limits);
  for (let n = 0; n < 5; n++) {
    const entry = {
      payloadSha: sha256('p'),
      state: 'completed',
      attempts: 1,
      recordedAtMs: clock.nowMs(),
    } as const;
    ledger.record(uuidFrom(n), entry);
    clock.advance(1_500);
  }
  expect([await value('keys'), await value('evicted_total')]).toEqual([3, 2]);
  // The third of five came 3 s after the first, and 7.5 s have passed.
  expect(await value('oldest_key_age_seconds')).toBe(4.5);
  expect(await value('bytes')).toBe(ledger.bytes);
});
