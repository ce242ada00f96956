import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

describe('the metrics of a running SPARK', () => {
  const home = newHome();
  let spark: Spark;
  beforeAll(async () => {
    spark = await Spark.start({ home });
  });
  afterAll(async () => {
    await spark.stop();
    removeHome(home);
  });

  const samples = async (): Promise<Map<string, number>> => {
    const { body } = await spark.http('/metrics');
    return new Map(
      String(body)
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  };

  it('given commands that have ended, then they tell what was published and how long it took, that nothing waits, and that read models are level', async () => {
    for (let n = 0; n < 3; n++) {
      const payload = { name: `M${n}`, path: `Assets/M${n}.cs`, code: `class M${n} {}` };
      const { body } = await spark.submitAndWait({ type: 'unity.generate_script', sessionId: 'm', payload });
      expect(body).toMatchObject({ state: 'completed' });
    }
    await eventually(async () => {
      const now = await samples();
      expect(now.get('spark_events_published_total')).toBe(6);
      expect(now.get('spark_publish_duration_seconds_count{stream="log"}')).toBeGreaterThanOrEqual(3);
      expect(now.get('spark_publish_queue_depth{stream="log"}')).toBe(0);
      expect(now.get('spark_projection_lag_events{projection="log"}')).toBe(0);
      expect(now.get('spark_projection_lag_seconds{projection="log"}')).toBe(0);
      expect(now.get('spark_scrape_errors_total{metric="spark_projection_lag_events"}')).toBeUndefined();
    });
  });
});
