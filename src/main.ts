import { join } from 'node:path';
import { type App, type AppRole, createApp } from './app.js';
import { type Config, ConfigError, processConfig } from './config.js';
import { systemClock } from './core/clock.js';
import { codeOf, messageOf } from './core/errors.js';
import { type Home, openHome } from './embedded/home.js';
import { rememberedPort } from './embedded/ports.js';
import { createLogger, type Logger } from './observability/logger.js';
import { createMetrics } from './observability/metrics.js';
import { startTracing } from './observability/tracing.js';
import type { RoleContext } from './roles/context.js';
import type { Parts } from './roles/parts.js';
import { attachParts, describeParts } from './runtime/attachedParts.js';
import { introduce, type Started, suggest, type Voice } from './runtime/banner.js';
import { runDemo } from './runtime/demo.js';
import { type RunningParts, startParts } from './runtime/embeddedParts.js';
import { createEndpointsFile, type EndpointsFile, removeStaleEndpoints } from './runtime/endpoints.js';
import { rebuildReadModels } from './runtime/rebuild.js';
import { firstSignal } from './runtime/signals.js';
import { runSimulator } from './runtime/simulatorRole.js';
import { sparkVersion } from './version.js';

export interface StartOptions {
  /** Wipes the home first. */
  readonly fresh: boolean;
  readonly demo: boolean;
  /** Absolute; undefined: what the environment says. */
  readonly home: string | undefined;
  readonly json: boolean;
}

export interface RunOptions {
  readonly home: string | undefined;
  readonly json: boolean;
}

const EXIT = { ok: 0, failed: 1, usage: 2, inUse: 5 } as const;
const READY_TIMEOUT_MS = 60_000;
/** A stop that takes longer than this is cut: the daemons' watchers clean up, and the next start finishes what was open. */
const STOP_LIMIT_MS = 15_000;

/** `spark start`: every role in the foreground until a signal. Resolves with the exit code. */
export async function runStart(options: StartOptions): Promise<number> {
  return guarded(options, async (config, voice) => {
    const home = await openHome({ dir: config.SPARK_HOME, fresh: options.fresh });
    try {
      removeStaleEndpoints(home);
      return await runHome(home, config, voice, options);
    } finally {
      home.release();
    }
  });
}

async function runHome(home: Home, config: Config, voice: Voice, options: StartOptions): Promise<number> {
  const signal = firstSignal(systemClock, () =>
    voice.say('forced: the daemons are being stopped by their watchers'),
  );
  const beganMs = systemClock.monotonicMs();
  const running: Running = {};
  const started = start(home, config, voice, options, running);
  const first = await Promise.race([signal.then(() => 'signal' as const), started.then((value) => value)]);
  if (first !== 'signal') {
    await introduce(voice, first.parts, { ...first.started, tookMs: systemClock.monotonicMs() - beganMs });
    const telling = afterStart(home, first, voice, options).catch((error: unknown) =>
      voice.say(`  the demo was cut short: ${messageOf(error)}`),
    );
    await signal;
    await Promise.race([telling, systemClock.sleep(0)]);
  }
  voice.say('stopping …');
  const forced = setForcedExit(voice);
  await started.catch(() => undefined);
  await stopAll(running);
  forced();
  voice.say('stopped');
  return EXIT.ok;
}

interface Running {
  parts?: RunningParts;
  app?: App;
  endpoints?: EndpointsFile;
  stopTracing?: () => Promise<void>;
}

interface StartedHome {
  readonly parts: RunningParts;
  readonly started: Started;
}

async function start(
  home: Home,
  config: Config,
  voice: Voice,
  options: StartOptions,
  running: Running,
): Promise<StartedHome> {
  const { logger, metrics, version } = telling(config, options.json);
  try {
    running.stopTracing = await startTracing({
      endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
      serviceName: 'spark',
      version,
    });
    const httpPort = config.SPARK_HTTP_PORT || (await rememberedPort(home.state, 'httpPort'));
    const token = config.SPARK_TOKEN ?? home.state.secret('token');
    const parts = await startParts({
      config,
      home,
      httpPort,
      progress: (message) => voice.say(`  … ${message}`),
      warn: (message, error) => logger.warn(error === undefined ? {} : { error: messageOf(error) }, message),
      changed: () =>
        void running.endpoints
          ?.write()
          .catch((error: unknown) =>
            logger.warn({ error: messageOf(error) }, 'endpoints.json could not be renewed'),
          ),
    });
    running.parts = parts;
    const context: RoleContext = {
      config,
      parts,
      clock: systemClock,
      logger,
      metrics,
      version,
      stateDir: home.stateDir('fences'),
    };
    const app = await createApp(context, {
      roles: ['ingest', 'worker', 'projector'],
      token,
      httpPort,
      progress: (message) => voice.say(`  … ${message}`),
    });
    running.app = app;
    await app.start();
    const url = app.address()?.url ?? '';
    await ready(url);
    describeParts(home, parts, token);
    running.endpoints = createEndpointsFile(home, parts, { url, token });
    await running.endpoints.write();
    return { parts, started: { url, token, home: home.dir, version, tookMs: 0 } };
  } catch (error) {
    await stopAll(running);
    throw error;
  }
}

async function afterStart(
  home: Home,
  { parts, started }: StartedHome,
  voice: Voice,
  options: StartOptions,
): Promise<void> {
  if (options.demo && parts.embedded.simulator && home.state.get('demoShown') !== true) {
    const replicaUrl = parts.postgres.urlOf('spark_dashboard_ro', 'replica');
    await runDemo({ url: started.url, token: started.token, replicaUrl, voice, clock: systemClock });
    home.state.set('demoShown', true);
  }
  suggest(voice, started);
}

async function stopAll(running: Running): Promise<void> {
  running.endpoints?.remove();
  await running.app?.stop();
  await running.parts?.stop();
  await running.stopTracing?.();
}

/** Waits until `/readyz` says so; what is not ready after a minute is told. */
async function ready(url: string): Promise<void> {
  const deadlineMs = systemClock.monotonicMs() + READY_TIMEOUT_MS;
  for (;;) {
    const response = await fetch(`${url}/readyz`);
    const body = await response.text();
    if (response.ok) return;
    if (systemClock.monotonicMs() > deadlineMs)
      throw new Error(`not ready after ${READY_TIMEOUT_MS / 1_000} s: ${body}`);
    await systemClock.sleep(50);
  }
}

/** `spark ingest | worker | projector | gate | simulator`: one role, on servers that URLs name or on those of a running home. */
export async function runRole(role: string, options: RunOptions): Promise<number> {
  return guarded(options, async (config, voice) => {
    if (role === 'simulator') return runSimulator(config, voice);
    if (role === 'gate') {
      voice.say(
        'the gate works inside the worker; as a process of its own it comes with several workers to an editor',
      );
      return EXIT.usage;
    }
    const { logger, metrics, version } = telling(config, options.json);
    const { parts, token } = attachParts(config);
    const app = await createApp(roleContext(config, parts, { logger, metrics, version }), {
      roles: [role as AppRole],
      token,
      httpPort: config.SPARK_HTTP_PORT,
      progress: (message) => voice.say(`  … ${message}`),
    });
    const signal = firstSignal(systemClock, () => voice.say('forced'));
    await app.start();
    voice.say(
      `spark ${role} ${version} runs${app.address() ? ` at ${app.address()?.url}` : ''}; Ctrl-C drains and stops it`,
    );
    await signal;
    const forced = setForcedExit(voice);
    await app.stop();
    forced();
    return EXIT.ok;
  });
}

/** `spark rebuild`: the read models from the log. Starts the embedded servers of a home that is not running. */
export async function runRebuild(
  options: RunOptions & { readonly readModels: readonly string[] },
): Promise<number> {
  return guarded(options, async (config, voice) => {
    const { logger } = telling(config, options.json);
    return rebuildReadModels(config, voice, logger, options.readModels);
  });
}

function roleContext(config: Config, parts: Parts, told: ReturnType<typeof telling>): RoleContext {
  return { config, parts, clock: systemClock, ...told, stateDir: join(config.SPARK_HOME, 'fences') };
}

function telling(config: Config, json: boolean) {
  const pretty = !json && process.stderr.isTTY === true;
  const logger: Logger = createLogger({
    level: config.SPARK_LOG_LEVEL,
    pretty,
    color: pretty,
    fields: json ? { service: 'spark' } : {},
  });
  return { logger, metrics: createMetrics({ processMetrics: true }), version: sparkVersion() };
}

/** Expected failures become one clear line and an exit code; anything else keeps its stack. */
async function guarded(
  options: RunOptions,
  work: (config: Config, voice: Voice) => Promise<number>,
): Promise<number> {
  const voice: Voice = {
    say: (line) =>
      process.stdout.write(
        options.json ? (line.trim() ? `${JSON.stringify({ message: line.trim() })}\n` : '') : `${line}\n`,
      ),
  };
  try {
    return await work(processConfig(options.home ? { SPARK_HOME: options.home } : {}), voice);
  } catch (error) {
    const code = codeOf(error);
    process.stderr.write(`error: ${messageOf(error)}\n`);
    if (code === 'home_in_use') return EXIT.inUse;
    if (error instanceof ConfigError) return EXIT.usage;
    if (code === undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
    return EXIT.failed;
  }
}

function setForcedExit(voice: Voice): () => void {
  const done = new AbortController();
  systemClock.sleep(STOP_LIMIT_MS, done.signal).then(
    () => {
      voice.say(
        `not stopped after ${STOP_LIMIT_MS / 1_000} s: leaving; the next start finishes what was open`,
      );
      process.exit(EXIT.failed);
    },
    () => undefined,
  );
  return () => done.abort();
}
