import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from '../src/config.js';
import { CONFIG_FIELDS, type ConfigField } from '../src/configFields.js';

function problemsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.fields['problems'] as string[];
    throw error;
  }
  return [];
}

describe('the configuration', () => {
  it('given a gate off loopback without a token, then says why not', () => {
    expect(problemsOf({ SPARK_GATE_HOST: '0.0.0.0' })).toEqual([
      expect.stringMatching(/^SPARK_GATE_HOST .*SPARK_GATE_TOKEN/),
    ]);
    expect(problemsOf({ SPARK_GATE_HOST: '0.0.0.0', SPARK_GATE_TOKEN: 'a-token-of-16-or-more' })).toEqual([]);
    expect(problemsOf({ SPARK_GATE_URL: 'gate:8790' })).toHaveLength(1);
    expect(problemsOf({ SPARK_GATE_TOKEN: 'short' })).toHaveLength(1);
  });

  it('given nothing, is the default that the product names', () => {
    const config = loadConfig({});
    expect(config).toMatchObject({
      MCP_MAX_INFLIGHT: 2_048,
      MCP_BATCH_SIZE: 64,
      MCP_QUEUE_WATERMARK: 0.75,
      MCP_BACKLOG_MAX: 100_000,
      SPARK_PARTITIONS: 4,
      SPARK_LEDGER_TERM_MS: 7 * 86_400_000,
      SPARK_HTTP_HOST: '127.0.0.1',
    });
    expect(config.SPARK_HOME).toBe(resolve('.spark'));
    expect([config.NATS_URL, config.DATABASE_URL, config.UNITY_MCP_URL, config.SPARK_TOKEN]).toEqual(
      Array(4).fill(undefined),
    );
  });

  it('is frozen', () => {
    expect(Object.isFrozen(loadConfig({}))).toBe(true);
  });

  it('takes what is set, as its own type', () => {
    const config = loadConfig({
      MCP_MAX_INFLIGHT: '64',
      MCP_QUEUE_WATERMARK: '0.5',
      SPARK_NATS_SYNC: '100ms',
      NATS_URL: 'nats://a:4222,nats://b:4222',
      DATABASE_URL: 'postgresql://u@h/db',
      UNITY_MCP_URL: 'http://localhost:8080/mcp',
      SOMETHING_ELSE: 'ignored',
    });
    expect(config).toMatchObject({
      MCP_MAX_INFLIGHT: 64,
      MCP_QUEUE_WATERMARK: 0.5,
      SPARK_NATS_SYNC: '100ms',
    });
    expect(config).not.toHaveProperty('SOMETHING_ELSE');
  });

  it.each(CONFIG_FIELDS.map((field) => field.name))('given %s set to nothing, keeps its default', (name) => {
    expect(loadConfig({ [name]: '' })).toEqual(loadConfig({}));
  });

  it.each([
    ['SPARK_LOG_LEVEL', 'loud'],
    ['SPARK_HTTP_PORT', '65536'],
    ['SPARK_HTTP_PORT', '-1'],
    ['SPARK_TOKEN', 'short'],
    ['NATS_URL', 'http://localhost'],
    ['NATS_WS_URL', 'http://localhost'],
    ['NATS_REPLICAS', '6'],
    ['NATS_REPLICAS', '2'],
    ['NATS_URL', 'nats://a:4222,b:4222'],
    ['SPARK_NATS_SYNC', 'never'],
    ['DATABASE_URL', 'mysql://x'],
    ['UNITY_MCP_URL', 'localhost:8080'],
    ['MCP_MAX_INFLIGHT', '1'],
    ['MCP_MAX_INFLIGHT', 'many'],
    ['MCP_MAX_INFLIGHT', '2.5'],
    ['MCP_BATCH_SIZE', '0'],
    ['MCP_QUEUE_WATERMARK', '0'],
    ['MCP_QUEUE_WATERMARK', '1'],
    ['MCP_QUEUE_WATERMARK', 'NaN'],
    ['MCP_BACKLOG_MAX', '9'],
    ['MCP_MAX_ATTEMPTS', '0'],
    ['MCP_RETRY_BASE_MS', 'Infinity'],
    ['SPARK_PARTITIONS', '65'],
    ['SPARK_LEDGER_TERM_MS', '1'],
    ['SPARK_EVENT_BATCH', '1001'],
    ['SPARK_COALESCE_MS', '101'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector'],
    ['SPARK_FAULT_POINT', 'After Call'],
  ])('given %s=%s, names it and says what is wrong', (name, value) => {
    const problems = problemsOf({ [name]: value });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(new RegExp(`^${name}: .+`));
  });

  it('given several bad values, names them all at once', () => {
    const problems = problemsOf({ SPARK_LOG_LEVEL: 'loud', MCP_BATCH_SIZE: 'x', NATS_REPLICAS: '9' });
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      'SPARK_LOG_LEVEL',
      'NATS_REPLICAS',
      'MCP_BATCH_SIZE',
    ]);
  });

  it('never repeats a secret in its complaint', () => {
    expect(() => loadConfig({ SPARK_TOKEN: 'hush', DATABASE_URL: 'mysql://u:secret@h' })).toThrow(
      expect.objectContaining({ message: expect.not.stringMatching(/hush|secret/) }),
    );
  });

  it.each([
    [{ MCP_RETRY_BASE_MS: '500', MCP_RETRY_MAX_MS: '100' }, 'MCP_RETRY_BASE_MS'],
    [{ DATABASE_REPLICA_URL: 'postgres://h/db' }, 'DATABASE_URL'],
    [{ MCP_MAX_INFLIGHT: '8', SPARK_PARTITIONS: '16' }, 'SPARK_PARTITIONS'],
    [{ SPARK_HTTP_HOST: '0.0.0.0' }, 'SPARK_TOKEN'],
  ])('given limits that contradict each other (%j), says so', (env, named) => {
    const problems = problemsOf(env as Record<string, string>);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(named);
  });

  it.each(['127.0.0.1', 'localhost', '::1'])('lets %s listen without a token', (host) => {
    expect(loadConfig({ SPARK_HTTP_HOST: host }).SPARK_HTTP_HOST).toBe(host);
  });

  it('lets another address listen with a token', () => {
    expect(loadConfig({ SPARK_HTTP_HOST: '0.0.0.0', SPARK_TOKEN: 'x'.repeat(16) }).SPARK_HTTP_HOST).toBe(
      '0.0.0.0',
    );
  });

  it('has a default that fits its own schema, for every field', () => {
    for (const field of CONFIG_FIELDS as readonly ConfigField[])
      if (field.default !== '') expect(field.schema.safeParse(field.default).success, field.name).toBe(true);
  });
});

describe('values from files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'spark-config-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };

  it('are read, trimmed, and win over the plain variable', () => {
    const token = file('token', `${'t'.repeat(20)}\n`);
    const config = loadConfig({ SPARK_TOKEN_FILE: token, SPARK_TOKEN: 'another-token-of-mine' });
    expect(config.SPARK_TOKEN).toBe('t'.repeat(20));
  });

  it('are checked like any other', () => {
    expect(problemsOf({ MCP_BATCH_SIZE_FILE: file('batch', 'lots') })[0]).toMatch(/^MCP_BATCH_SIZE: /);
  });

  it('that cannot be read are named, and never fall back silently', () => {
    const problems = problemsOf({ SPARK_TOKEN_FILE: join(folder, 'missing'), SPARK_TOKEN: 'x'.repeat(16) });
    expect(problems).toEqual([expect.stringContaining('SPARK_TOKEN_FILE')]);
  });

  it('whose variable is empty do not count', () => {
    expect(loadConfig({ SPARK_TOKEN_FILE: '', SPARK_TOKEN: 'x'.repeat(16) }).SPARK_TOKEN).toBe(
      'x'.repeat(16),
    );
  });
});
