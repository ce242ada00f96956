import { type Config, ConfigError, processConfig } from './config.js';
import { codeOf, messageOf } from './core/errors.js';
import { openHome } from './embedded/home.js';
import { startTracing } from './observability/tracing.js';
import type { Voice } from './runtime/banner.js';
import type { RebuildRequest } from './runtime/rebuild.js';
import { sparkVersion } from './version.js';

export interface RunOptions {
  /** Absolute; undefined: what the environment says. */
  readonly home: string | undefined;
  readonly json: boolean;
}

export interface StartOptions extends RunOptions {
  /** Wipes the home first. */
  readonly fresh: boolean;
  readonly demo: boolean;
}

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_IN_USE = 5;

/** `spark start`: every role in the foreground until a signal. Resolves with the exit code. */
export async function runStart(options: StartOptions): Promise<number> {
  return guarded('start', options, async (config, voice) => {
    const { removeStaleEndpoints } = await import('./runtime/endpoints.js');
    const { runHome } = await import('./runtime/start.js');
    const home = await openHome({ dir: config.SPARK_HOME, fresh: options.fresh });
    try {
      removeStaleEndpoints(home);
      return await runHome(home, config, voice, options);
    } finally {
      home.release();
    }
  });
}

/** `spark ingest | worker | projector | gate | simulator`: one role, on servers that URLs name or on those of a running home. */
export async function runRole(role: string, options: RunOptions): Promise<number> {
  return guarded(role, options, async (config, voice) => {
    switch (role) {
      case 'simulator':
        return (await import('./runtime/simulatorRole.js')).runSimulator(config, voice);
      case 'ingest':
      case 'worker':
      case 'gate':
      case 'projector':
        return (await import('./runtime/role.js')).runAppRole(role, config, voice, options.json);
      default:
        voice.say(`there is no role "${role}"`);
        return EXIT_USAGE;
    }
  });
}

/** `spark rebuild`: read models from the log, beside a running home or with the servers of one that does not run. */
export async function runRebuild(options: RunOptions & RebuildRequest): Promise<number> {
  return guarded('rebuild', options, async (config, voice) => {
    const { rebuildReadModels } = await import('./runtime/rebuild.js');
    return rebuildReadModels(config, voice, options);
  });
}

/**
 * Configuration, tracing, work; expected failures become one clear line and an exit code, anything else keeps its stack. What the work
 * needs is imported only after tracing has begun: instrumentation reaches pg, undici and http only when it comes first.
 */
async function guarded(
  role: string,
  options: RunOptions,
  work: (config: Config, voice: Voice) => Promise<number>,
): Promise<number> {
  let stopTracing: (() => Promise<void>) | undefined;
  try {
    const config = processConfig(options.home ? { SPARK_HOME: options.home } : {});
    stopTracing = await startTracing({
      endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
      serviceName: `spark-${role}`,
      version: sparkVersion(),
    });
    return await work(config, voiceOf(options.json));
  } catch (error) {
    return told(error, options.json);
  } finally {
    await stopTracing?.();
  }
}

/** What is wrong with what was asked for. */
const USAGE_CODES: ReadonlySet<string> = new Set(['unknown_read_model', 'bad_until']);
/** Somebody else has what was asked for. */
const IN_USE_CODES: ReadonlySet<string> = new Set(['home_in_use', 'rebuild_running', 'schema_taken']);

function told(error: unknown, json: boolean): number {
  const code = codeOf(error);
  process.stderr.write(`error: ${messageOf(error)}\n`);
  if (json && code !== undefined)
    process.stdout.write(`${JSON.stringify({ error: { code, message: messageOf(error) } })}\n`);
  if (code !== undefined && IN_USE_CODES.has(code)) return EXIT_IN_USE;
  if (error instanceof ConfigError || (code !== undefined && USAGE_CODES.has(code))) return EXIT_USAGE;
  if (code === undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return EXIT_FAILED;
}

function voiceOf(json: boolean): Voice {
  const line = (text: string) => (text.trim() === '' ? '' : `${JSON.stringify({ message: text.trim() })}\n`);
  return { say: (text) => void process.stdout.write(json ? line(text) : `${text}\n`) };
}
