import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { findPrometheus } from './prometheusBinary.js';
import { eventually, Stop } from './spark.js';

/** One series of an instant query. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface RuleState {
  readonly name: string;
  readonly query: string;
  readonly type: 'recording' | 'alerting';
  readonly health: string;
  readonly lastError?: string;
  /** Of an alerting rule: inactive, pending or firing. */
  readonly state?: string;
}

export interface PrometheusOptions {
  /** `host:port` of what it scrapes, under the job `spark`. */
  readonly target: string;
  /** Absolute path of the rules. */
  readonly rulesFile: string;
}

/** A real Prometheus on a loopback port, with its data in a folder of its own, that scrapes one SPARK every second. */
export class Prometheus {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #dir: string;
  readonly #exited: Promise<void>;
  #output = '';

  private constructor(url: string, child: ChildProcess, dir: string) {
    this.url = url;
    this.#child = child;
    this.#dir = dir;
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
  }

  /** Resolves when it is ready to be asked. */
  static async start({ target, rulesFile }: PrometheusOptions): Promise<Prometheus> {
    const { server } = await findPrometheus();
    const dir = mkdtempSync(join(tmpdir(), 'spark-prometheus-'));
    copyFileSync(rulesFile, join(dir, basename(rulesFile)));
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [basename(rulesFile)],
      scrape_configs: [{ job_name: 'spark', static_configs: [{ targets: [target] }] }],
    };
    // JSON is YAML too.
    writeFileSync(join(dir, 'prometheus.yml'), JSON.stringify(config));
    const port = await freePort();
    const child = spawn(
      server,
      [
        `--config.file=${join(dir, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(dir, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ],
      { cwd: dir, env: { PATH: '/usr/bin:/bin', GOMAXPROCS: '1' }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const prometheus = new Prometheus(`http://127.0.0.1:${port}`, child, dir);
    await prometheus.#ready();
    return prometheus;
  }

  /** An instant query. Throws with Prometheus's own words for one that it cannot parse or run. */
  async query(expr: string): Promise<Sample[]> {
    const data = await this.#ask<{
      resultType: string;
      result: { metric: Record<string, string>; value: [number, string] }[];
    }>('/api/v1/query', { query: expr });
    if (data.resultType !== 'vector') throw new Error(`${expr} gives a ${data.resultType}`);
    return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
  }

  async rules(): Promise<RuleState[]> {
    const { groups } = await this.#ask<{ groups: { rules: RuleState[] }[] }>('/api/v1/rules', {});
    return groups.flatMap((group) => group.rules);
  }

  /** Ends it, by its own process, and removes its folder. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    await this.#exited;
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    await eventually(
      async () => {
        if (this.#child.exitCode !== null) throw new Stop(`prometheus ended:\n${this.#output}`);
        const response = await fetch(`${this.url}/-/ready`);
        if (!response.ok) throw new Error(`not ready: ${response.status}`);
      },
      { timeoutMs: 60_000, everyMs: 100 },
    );
  }

  async #ask<T>(path: string, parameters: Record<string, string>): Promise<T> {
    const response = await fetch(`${this.url}${path}?${new URLSearchParams(parameters)}`);
    const answer = (await response.json()) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${JSON.stringify(parameters)}: ${answer.error}`);
    return answer.data;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
