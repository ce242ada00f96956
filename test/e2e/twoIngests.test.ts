import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCli } from '../support/cli.js';
import { eventually, newHome, removeHome, Spark, Stop } from '../support/spark.js';

const LIMIT = 10;
/** Refills by one in six minutes: nothing comes back while the test runs. */
const env = { SPARK_RATE_LIMITS: `usage.report=${LIMIT}/h` };

describe('two ingest processes of one SPARK', () => {
  const home = newHome();
  let spark: Spark;
  let second: ReturnType<typeof startCli>;
  let secondUrl: string;

  beforeAll(async () => {
    spark = await Spark.start({ home, env });
    second = startCli(home, ['ingest', '--home', home], { ...env, SPARK_HTTP_PORT: '0' });
    let ended = false;
    void second.ended.then(() => {
      ended = true;
    });
    secondUrl = await eventually(() => {
      if (ended) throw new Stop(second.text.out + second.text.err);
      const url = /runs at (http:\/\/\S+?);/.exec(second.text.out)?.[1];
      if (url === undefined) throw new Error('not up yet');
      return url;
    });
  });
  afterAll(async () => {
    second.child.kill('SIGINT');
    expect((await second.ended).code).toBe(0);
    await spark.stop();
    removeHome(home);
  });

  const report = async (base: string, sessionId: string): Promise<number> => {
    const response = await fetch(`${base}/v1/usage`, {
      method: 'POST',
      headers: { authorization: `Bearer ${spark.endpoints.token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ sessionId, model: 'm', inputTokens: 1, outputTokens: 1 }),
    });
    await response.text();
    return response.status;
  };

  it('given one lets the whole limit through, then the other refuses with 429, and all that was let through is executed', async () => {
    for (let n = 0; n < LIMIT; n++)
      expect(await report(n % 2 === 0 ? spark.endpoints.http : secondUrl, `shared-${n}`)).toBe(202);
    // Whichever is asked: each let half through, both know of ten. What slips through before the word comes is bounded and executed too.
    let slipped = 0;
    for (const base of [secondUrl, spark.endpoints.http])
      await eventually(async () => {
        const status = await report(base, `slipped-${slipped}`);
        if (status === 202) slipped++;
        expect(status).toBe(429);
      });
    expect(slipped).toBeLessThan(LIMIT);
    for (const base of [secondUrl, spark.endpoints.http]) expect(await report(base, 'late')).toBe(429);
    await eventually(async () => {
      const rows = await spark.sql(
        "SELECT count(*)::int AS n FROM spark_commands WHERE state = 'completed' AND session_id LIKE 'shared-%'",
      );
      expect(rows).toEqual([{ n: LIMIT }]);
    });
  });
});
