import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { AppRole } from '../src/app.js';
import { loadConfig } from '../src/config.js';
import { CONFIG_FIELDS } from '../src/configFields.js';
import { attachParts } from '../src/runtime/attachedParts.js';
import { ROOT } from './support/sourceText.js';

const text = readFileSync(join(ROOT, 'docs/scale.md'), 'utf8');

/** The blocks of variables, by the comment that says who is told of them. */
const environments = [...text.matchAll(/^```env\n# (.*)\n([^`]*)^```/gm)].map((match) => ({
  who: match[1] ?? '',
  variables: Object.fromEntries(
    (match[2] ?? '')
      .trim()
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  ),
}));

describe('the environments of docs/scale.md', () => {
  it('are there for every role', () => {
    expect(environments.map(({ who }) => who).sort()).toEqual(
      ['every process', 'spark gate', 'spark ingest', 'spark projector', 'spark worker'].sort(),
    );
  });

  it.each(environments)('of $who are taken as they stand, and are all it needs', ({ who, variables }) => {
    const names = CONFIG_FIELDS.map(({ name }) => name as string);
    expect(Object.keys(variables).filter((name) => !names.includes(name))).toEqual([]);
    // No running home is there to lend what is missing.
    const config = loadConfig({ ...variables, SPARK_HOME: join(ROOT, 'test/fixtures/no-home') });
    expect(config).toMatchObject({ NATS_REPLICAS: 3, SPARK_PARTITIONS: 16 });
    if (who === 'every process') return;
    const role = who.replace('spark ', '') as AppRole;
    const { parts } = attachParts(config, role);
    expect(parts.nats.url.split(',')).toHaveLength(3);
    for (const user of ['admin', role] as const)
      expect(parts.nats.credentials(user)).toEqual({ user, password: '…' });
  });

  it('agree on what all processes must agree on', () => {
    for (const name of ['NATS_URL', 'NATS_REPLICAS', 'SPARK_PARTITIONS', 'SPARK_GATE_TOKEN'])
      expect(new Set(environments.flatMap(({ variables }) => variables[name] ?? [])).size).toBe(1);
  });

  it('given a worker that is told of no gate and of no Unity, says what to set', () => {
    const config = loadConfig({
      NATS_URL: 'nats://nats-1:4222',
      SPARK_HOME: join(ROOT, 'test/fixtures/no-home'),
    });
    expect(() => attachParts(config, 'worker')).toThrow(/^set UNITY_MCP_URL, or start SPARK/);
  });
});
