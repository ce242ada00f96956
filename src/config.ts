import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { CONFIG_FIELDS, type ConfigField } from './configFields.js';
import { SparkError } from './core/errors.js';

type Fields = (typeof CONFIG_FIELDS)[number];
type Values = {
  [F in Fields as F['name']]: F['default'] extends ''
    ? z.infer<F['schema']> | undefined
    : z.infer<F['schema']>;
};

/** SPARK's configuration: checked, frozen, secrets read from files where `NAME_FILE` says so. */
export type Config = Readonly<Values>;

export class ConfigError extends SparkError {
  readonly code = 'bad_configuration';
}

/** The environment as configuration. Throws `ConfigError` that names every variable that is wrong, and how. */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const field of CONFIG_FIELDS as readonly ConfigField[]) {
    // Set to nothing is not set: compose files pass empty values on.
    const raw = rawValue(env, field.name, problems) || field.default;
    if (raw === '') continue;
    const parsed = field.schema.safeParse(raw);
    if (parsed.success) values[field.name] = parsed.data;
    else problems.push(`${field.name}: ${parsed.error.issues[0]?.message ?? 'is not valid'}`);
  }
  if (problems.length === 0) problems.push(...relations(values as Values));
  if (problems.length > 0)
    throw new ConfigError(`the configuration is wrong:\n  ${problems.join('\n  ')}`, {
      fields: { problems },
    });
  return Object.freeze({ ...(values as Values), SPARK_HOME: resolve(String(values['SPARK_HOME'])) });
}

/** This process's environment. The only place that reads it, but for the CLI's own settings. */
export const processConfig = (overrides: Record<string, string> = {}): Config =>
  loadConfig({ ...process.env, ...overrides });

/** For child programs that need the machine's settings (apt, locale, proxies). */
export const processEnvironment = (): NodeJS.ProcessEnv => process.env;

function rawValue(
  env: Readonly<Record<string, string | undefined>>,
  name: string,
  problems: string[],
): string | undefined {
  const file = env[`${name}_FILE`];
  if (file === undefined || file === '') return env[name];
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    problems.push(`${name}_FILE: cannot read ${file}`);
    return undefined;
  }
}

/** What must hold between the limits. */
function relations(values: Values): string[] {
  const problems: string[] = [];
  if (values.MCP_RETRY_BASE_MS > values.MCP_RETRY_MAX_MS)
    problems.push('MCP_RETRY_BASE_MS must not be above MCP_RETRY_MAX_MS');
  if (values.DATABASE_REPLICA_URL && !values.DATABASE_URL)
    problems.push('DATABASE_REPLICA_URL needs DATABASE_URL');
  if (
    values.SPARK_ROLLUP_RETENTION_DAYS > 0 &&
    values.SPARK_ROLLUP_RETENTION_DAYS < values.SPARK_RETENTION_DAYS
  )
    problems.push('SPARK_ROLLUP_RETENTION_DAYS must not be below SPARK_RETENTION_DAYS');
  if (values.MCP_MAX_INFLIGHT < values.SPARK_PARTITIONS)
    problems.push('MCP_MAX_INFLIGHT must be at least SPARK_PARTITIONS');
  const isLoopback = (host: string) => ['127.0.0.1', 'localhost', '::1'].includes(host);
  if (!isLoopback(values.SPARK_GATE_HOST) && !values.SPARK_GATE_TOKEN)
    problems.push(
      'SPARK_GATE_HOST is not loopback: set SPARK_GATE_TOKEN, or anyone could drive your editors',
    );
  if (!isLoopback(values.SPARK_HTTP_HOST) && !values.SPARK_TOKEN)
    problems.push('SPARK_HTTP_HOST is not loopback: set SPARK_TOKEN, or anyone could drive your editors');
  return problems;
}
