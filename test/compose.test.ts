import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { natsPasswordVariable } from '../src/cli/files/natsConf.js';
import { NATS_PERMISSIONS } from '../src/streams/permissions.js';
import { ROOT } from './support/sourceText.js';

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const compose = read('docker-compose.yml');

/** The text of one service: what is indented below its name. No engine runs here, so the file is checked by its structure. */
function service(name: string): string {
  const found = new RegExp(`^ {2}${name}:\\n((?: {4}.*\\n|\\n)+)`, 'm').exec(compose);
  if (!found?.[1]) throw new Error(`no service ${name}`);
  return found[1];
}

describe('docker-compose.yml', () => {
  it('is indented by spaces in steps of two and has no key twice in a service', () => {
    for (const line of compose.split('\n')) expect(line).toMatch(/^(?: {2})*(?! )/);
    for (const name of ['nats', 'postgres-primary', 'postgres-replica', 'spark', 'prometheus', 'grafana']) {
      const keys = [...service(name).matchAll(/^ {4}([\w-]+):/gm)].map((match) => match[1]);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  it.each(['nats', 'postgres-primary', 'postgres-replica'])(
    '%s has a health check that others wait for',
    (name) => {
      expect(service(name)).toMatch(/healthcheck:\n {6}test:/);
      expect(service('spark') + service('postgres-replica')).toContain(
        `      ${name}:\n        condition: service_healthy`,
      );
    },
  );

  it('publishes every port on loopback only', () => {
    const ports = [...compose.matchAll(/^ {6}- "(.*:\d+)"$/gm)].map((match) => match[1] ?? '');
    expect(ports).toHaveLength(6);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('holds no secret: each comes from .env, which deploy/make-env writes', () => {
    const makeEnv = read('deploy/make-env');
    const needed = [...compose.matchAll(/\$\{(SPARK_\w+)/g)].map((match) => match[1] ?? '');
    for (const name of new Set(needed)) expect(makeEnv).toContain(name);
    for (const [, value] of compose.matchAll(/PASSWORD: (.*)/g)) expect(value).toMatch(/^\$\{/);
  });

  it('gives nats-server a password for every role', () => {
    for (const role of Object.keys(NATS_PERMISSIONS))
      expect(service('nats')).toContain(natsPasswordVariable(role));
  });

  it('brings Prometheus and Grafana only where they are asked for, with every dashboard and every name they need', () => {
    for (const name of ['prometheus', 'grafana'])
      expect(service(name)).toMatch(/^ {4}profiles: \["dashboards"\]$/m);
    for (const name of readdirSync(join(ROOT, 'dashboards/grafana')).filter((file) => file.endsWith('.json')))
      expect(service('grafana')).toContain(
        `./dashboards/grafana/${name}:/var/lib/grafana/dashboards/spark/${name}:ro`,
      );
    const wanted = read('dashboards/grafana/provisioning/datasources/spark.yml').matchAll(
      /\$\{(SPARK_\w+)\}/g,
    );
    for (const [, variable] of wanted)
      expect(service('grafana')).toMatch(new RegExp(`^ {6}${variable}: `, 'm'));
    expect(read('dashboards/grafana/provisioning/dashboards/spark.yml')).toContain(
      'path: /var/lib/grafana/dashboards/spark\n',
    );
    expect(read('deploy/prometheus.yml')).toContain('credentials_file: /run/secrets/spark-token');
  });

  it('mounts only files that exist', () => {
    for (const [, path] of compose.matchAll(/^ {6}- (\.\/[\w./-]+):/gm))
      expect(statSync(join(ROOT, path ?? '')).isFile()).toBe(true);
  });
});

describe('Dockerfile', () => {
  const dockerfile = read('Dockerfile');

  it('copies only what exists, runs as an ordinary user, and asks /readyz for its health', () => {
    for (const [, paths] of dockerfile.matchAll(/^COPY (?!--from)(.*) \S+$/gm))
      for (const path of (paths ?? '').split(' ')) expect(statSync(join(ROOT, path))).toBeDefined();
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK (?:.|\n)*\/readyz/m);
  });
});
