import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';
import { freeze } from './support/processes.js';

/** Silent for 10 s, it is restarted; the rest is room for a slow machine. */
const REPAIRED_MS = 90_000;

describe('reads while one of the two Postgres servers is away', () => {
  const home = newHome();
  let spark: Spark;
  let thaw: () => void = () => undefined;
  let commandId: string;

  beforeAll(async () => {
    spark = await Spark.start({ home });
    const payload = { name: 'Read', path: 'Assets/Read.cs', code: 'class Read {}' };
    const { body } = await spark.submitAndWait({ type: 'unity.generate_script', sessionId: 'r', payload });
    commandId = String(body['commandId']);
    await spark.command(commandId);
  });
  afterAll(async () => {
    thaw();
    await spark.stop();
    removeHome(home);
  });

  const READS = () => [
    `/v1/commands/${commandId}`,
    '/v1/commands?sessionId=r',
    '/v1/sessions/r/operations',
    '/v1/operations',
    '/v1/dead-letters',
  ];

  /** Asks everything once. Who is asked, and that nobody waits for a server that is away: test/roles/readRouter.int.test.ts. */
  const readAll = async (): Promise<{ statuses: number[]; sources: (string | null)[] }> => {
    const answers = await Promise.all(READS().map((path) => spark.http(path)));
    return {
      statuses: answers.map(({ status }) => status),
      sources: answers.map(({ headers }) => headers.get('spark-read-source')),
    };
  };
  const metric = async (line: string): Promise<number> => {
    const { body } = await spark.http('/metrics');
    const found = String(body)
      .split('\n')
      .find((each) => each.startsWith(`${line} `));
    return found === undefined ? Number.NaN : Number(found.slice(line.length + 1));
  };
  const allFrom = (source: string) =>
    eventually(
      async () => {
        const { statuses, sources } = await readAll();
        expect(statuses, 'never a 5xx').toEqual(READS().map(() => 200));
        expect(sources).toEqual(READS().map(() => source));
      },
      { timeoutMs: REPAIRED_MS, everyMs: 100 },
    );

  it('given a frozen standby, then no read fails, the primary answers all of them, and it is restarted by itself', async () => {
    await allFrom('replica');
    const before = spark.readEndpoints().pids;
    thaw = freeze(before.replica);
    const first = await readAll();
    expect(first.statuses).toEqual(READS().map(() => 200));
    await allFrom('primary');
    expect(await metric('spark_postgres_up{server="replica"}')).toBe(0);
    expect(await metric('spark_replica_streaming')).toBe(0);
    expect(await metric('spark_replica_lag_seconds')).toBeNaN();
    const ready = await spark.http('/readyz');
    expect([ready.status, JSON.stringify(ready.body)]).toEqual([
      200,
      expect.stringContaining('degraded: the replica does not answer; reads go to the primary'),
    ]);
    await allFrom('replica');
    expect(await metric('spark_replica_repairs_total{action="restart",reason="silent"}')).toBe(1);
    expect(await metric('spark_postgres_up{server="replica"}')).toBe(1);
    const after = spark.readEndpoints().pids;
    expect([after.postgres, after.replica !== before.replica]).toEqual([before.postgres, true]);
    expect(spark.output).toContain('the standby is unwell (silent): it is restarted');
  });

  it('given a frozen primary, then the standby goes on answering all of them', async () => {
    const release = freeze(spark.readEndpoints().pids.postgres);
    thaw = release;
    await eventually(async () => expect(await metric('spark_postgres_up{server="primary"}')).toBe(0));
    const { statuses, sources } = await readAll();
    expect([statuses, sources]).toEqual([READS().map(() => 200), READS().map(() => 'replica')]);
    release();
  });
});
