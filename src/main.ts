import { type Config, ConfigError, processConfig } from './config.js';
import { codeOf, messageOf } from './core/errors.js';
import { openHome } from './embedded/home.js';
import { startTracing } from './observability/tracing.js';
import type { Voice } from './runtime/banner.js';
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

/** `spark rebuild`: the read models from the log. Starts the embedded servers of a home that is not running. */
export async function runRebuild(
  options: RunOptions & { readonly readModels: readonly string[] },
): Promise<number> {
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
    return told(error);
  } finally {
    await stopTracing?.();
  }
}

function told(error: unknown): number {
  const code = codeOf(error);
  process.stderr.write(`error: ${messageOf(error)}\n`);
  if (code === 'home_in_use') return EXIT_IN_USE;
  if (error instanceof ConfigError) return EXIT_USAGE;
  if (code === undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  return EXIT_FAILED;
}

function voiceOf(json: boolean): Voice {
  const line = (text: string) => (text.trim() === '' ? '' : `${JSON.stringify({ message: text.trim() })}\n`);
  return { say: (text) => void process.stdout.write(json ? line(text) : `${text}\n`) };
}
