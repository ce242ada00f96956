import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Prometheus } from '../support/prometheus.js';
import { findPrometheus } from '../support/prometheusBinary.js';
import { filesUnder, ROOT } from '../support/sourceText.js';
import { eventually, newHome, removeHome, Spark } from '../support/spark.js';

const run = promisify(execFile);
const RULES = join(ROOT, 'dashboards/prometheus/rules.yml');

describe('the rules of dashboards/prometheus, as promtool sees them', () => {
  const dir = mkdtempSync(join(tmpdir(), 'spark-promtool-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const promtool = async (...args: string[]) => {
    const { promtool: program } = await findPrometheus();
    return run(program, args).then(
      ({ stdout, stderr }) => ({ ok: true, text: stdout + stderr }),
      (error: { stdout: string; stderr: string }) => ({ ok: false, text: error.stdout + error.stderr }),
    );
  };

  beforeAll(async () => {
    await findPrometheus();
    for (const name of ['rules.yml', 'rules.test.yml', 'prometheus.yml'])
      copyFileSync(join(ROOT, 'dashboards/prometheus', name), join(dir, name));
  });

  it('given the example configuration and its rules, then both are valid', async () => {
    const { ok, text } = await promtool('check', 'config', join(dir, 'prometheus.yml'));
    expect(ok, text).toBe(true);
    expect(text).toMatch(/SUCCESS: \d\d rules found/);
  });

  it('given their unit tests, then each alert fires where it must and nowhere else', async () => {
    const { ok, text } = await promtool('test', 'rules', join(dir, 'rules.test.yml'));
    expect(ok, text).toBe(true);
    const tests = readFileSync(join(dir, 'rules.test.yml'), 'utf8');
    const alerts = [...readFileSync(RULES, 'utf8').matchAll(/alert: (\w+)/g)].map(([, name]) => name ?? '');
    expect(alerts.length).toBeGreaterThan(15);
    for (const alert of alerts) {
      const after = [...tests.matchAll(new RegExp(`alertname: ${alert}\\n *exp_alerts:(.*)`, 'g'))].map(
        ([, end]) => end,
      );
      expect(after, `${alert} has a case that fires and one that does not`).toEqual(
        expect.arrayContaining(['', ' []']),
      );
    }
  });

  it('given a threshold that is another, then the unit tests say so', async () => {
    const rules = readFileSync(RULES, 'utf8');
    writeFileSync(join(dir, 'rules.yml'), rules.replace('all_rate5m > 0.05', 'all_rate5m > 0.5'));
    const { ok, text } = await promtool('test', 'rules', join(dir, 'rules.test.yml'));
    copyFileSync(RULES, join(dir, 'rules.yml'));
    expect(ok).toBe(false);
    expect(text).toContain('SparkErrorRate');
  });
});

/** Every PromQL of Grafana's panels, with Grafana's own variable filled in. */
function panelQueries(): string[] {
  const files = filesUnder('dashboards/grafana', ['.json']).map(
    ({ text }) => JSON.parse(text) as GrafanaFile,
  );
  const exprs = files.flatMap(({ panels }) =>
    panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => expr ?? [])),
  );
  return [...new Set(exprs)].map((expr) => expr.replaceAll('$__rate_interval', '1m'));
}
interface GrafanaFile {
  readonly panels: readonly { readonly targets?: readonly { readonly expr?: string }[] }[];
}

/** What an alert compares: everything before its last comparison. */
const comparedBy = (query: string): string => query.replace(/ (?:>=?|==|<) [\d.]+$/, '');

/** Panels about what does not happen in this run: no attempt is lost. */
const EMPTY_PANELS = ['sum by (type) (rate(spark_command_retries_total[1m]))'];
/** Alerts about what does not happen in this run: nothing to compare yet. */
const NOTHING_YET = ['SparkReadsFallBack', 'SparkReplicaSeededOften'];

describe('a real Prometheus beside a running SPARK', () => {
  const home = newHome();
  let spark: Spark;
  let prometheus: Prometheus;

  beforeAll(async () => {
    await findPrometheus();
    spark = await Spark.start({ home, env: { SPARK_DASHBOARD_PASSWORD: 'for-dashboards-alone' } });
    prometheus = await Prometheus.start({ target: new URL(spark.endpoints.http).host, rulesFile: RULES });
    // Rates count from what is there before the work: zeros.
    await scraped();
    await work('first');
    await scraped();
    await work('second');
    await scraped();
  }, 300_000);
  afterAll(async () => {
    await prometheus?.stop();
    await spark?.stop();
    removeHome(home);
  });

  const command = (type: string, payload: object) => spark.submitAndWait({ type, sessionId: 'p', payload });

  async function work(round: string): Promise<void> {
    for (let n = 0; n < 6; n++) {
      const name = `P${round}${n}`;
      await command('unity.generate_script', { name, path: `Assets/${name}.cs`, code: `class ${name} {}\n` });
    }
    for (let n = 0; n < 3; n++)
      await command('unity.apply_patch', { path: `Assets/P${round}0.cs`, patch: '@@ -1 +1 @@\n-no\n+yes\n' });
    for (let n = 0; n < 4; n++) await command('unity.render_preview', { width: 32, height: 32 });
    // An editor that is busy for a moment: it is held, and then told to be back.
    await spark.sim('faults', { editor: 'default', tool: '*', fault: 'busy', count: 1 });
    await command('unity.deconstruct_asset', { path: `Assets/P${round}1.cs` });
    await spark.publishRaw('spark.commands.default.unity.delete_script', '{}');
    await spark.http('/v1/editors');
    await spark.http('/v1/commands?limit=1');
  }

  /** Waits until Prometheus knows what `/metrics` says of commands now. */
  async function scraped(): Promise<void> {
    const said = await metric('spark_commands_finished_total');
    await eventually(async () => {
      const [known] = await prometheus.query('sum(spark_commands_finished_total)');
      expect(known?.value).toBe(said);
    });
  }

  /** Sum over the series of a metric on `/metrics`, those with `part` in their labels. */
  async function metric(name: string, part = ''): Promise<number> {
    const { body } = await spark.http('/metrics');
    const lines = String(body)
      .split('\n')
      .filter((line) => /^\w+/.exec(line)?.[0] === name && line.includes(part));
    expect(lines.length, name).toBeGreaterThan(0);
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
  }

  it('given a password for dashboards, then it is the role it lets in, on the standby', async () => {
    expect(new URL(spark.endpoints.replica).password).toBe('for-dashboards-alone');
    expect(await spark.sql('SELECT current_user AS who, pg_is_in_recovery() AS standby')).toEqual([
      { who: 'spark_dashboard_ro', standby: true },
    ]);
  });

  it('given every expression of the panels, then each is understood and has data', async () => {
    const queries = panelQueries();
    expect(queries.length).toBeGreaterThan(25);
    await eventually(
      async () => {
        const empty: string[] = [];
        for (const query of queries) if ((await prometheus.query(query)).length === 0) empty.push(query);
        expect(empty.filter((query) => !EMPTY_PANELS.includes(query))).toEqual([]);
      },
      { timeoutMs: 45_000, everyMs: 1_000 },
    );
  });

  it('given the rules, then every one is evaluated without an error, and what it compares has data', async () => {
    await eventually(
      async () => {
        const rules = await prometheus.rules();
        expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
        const empty: string[] = [];
        for (const { name, type, query } of rules) {
          if (NOTHING_YET.includes(name)) continue;
          const asked = type === 'recording' ? name : comparedBy(query);
          expect(type === 'recording' || asked !== query, `${name} compares with a number`).toBe(true);
          if ((await prometheus.query(asked)).length === 0) empty.push(name);
        }
        expect(empty).toEqual([]);
      },
      { timeoutMs: 60_000, everyMs: 1_000 },
    );
  });

  it('given what was done, then the figures are those of /metrics and of what was asked for', async () => {
    const value = async (query: string) => (await prometheus.query(query))[0]?.value;
    const finished = (type: string, outcome: string) =>
      value(`spark_commands_finished_total{type="${type}",outcome="${outcome}"}`);
    expect(await finished('unity.generate_script', 'completed')).toBe(12);
    expect(await finished('unity.apply_patch', 'failed')).toBe(6);
    expect(await finished('unity.run_build', 'failed')).toBe(0);
    expect(await value('spark_preview_cache_total{result="miss"}')).toBe(
      await metric('spark_preview_cache_total', 'miss'),
    );
    expect(await value('max(spark_dead_letters_open)')).toBe(2);
    expect(await value('max(spark_circuit_state)')).toBe(0);
    expect(await value('max(spark_replica_streaming)')).toBe(1);
    expect(await value('up{job="spark"}')).toBe(1);
    expect(await value('sum(spark_events_published_total)')).toBe(
      await metric('spark_events_published_total'),
    );
  });

  it('given a good part of the commands failing, then the error rate is that, and its alert fires', async () => {
    const failed = await metric('spark_commands_finished_total', 'outcome="failed"');
    const share = failed / (await metric('spark_commands_finished_total'));
    expect(share).toBeGreaterThan(0.1);
    await eventually(
      async () => {
        const [all] = await prometheus.query('spark:command_error_ratio:all_rate5m');
        // A rate is extrapolated: the same for all, but for rounding.
        expect(all?.value).toBeCloseTo(share, 2);
        const byType = await prometheus.query('spark:command_error_ratio:rate5m');
        expect(byType.find(({ labels }) => labels['type'] === 'unity.apply_patch')?.value).toBe(1);
        expect(byType.find(({ labels }) => labels['type'] === 'unity.generate_script')?.value).toBe(0);
        const states = new Map((await prometheus.rules()).map(({ name, state }) => [name, state]));
        expect(states.get('SparkErrorRate')).toBe('firing');
        expect(states.get('SparkDeadLettersGrow')).toBe('firing');
        for (const quiet of [
          'SparkDown',
          'SparkCircuitOpen',
          'SparkQueueDeep',
          'SparkReplicaNotStreaming',
          'SparkPostgresDown',
        ])
          expect(states.get(quiet), quiet).toBe('inactive');
      },
      { timeoutMs: 60_000, everyMs: 1_000 },
    );
  });
});
