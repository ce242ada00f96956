import { type App, createApp } from '../app.js';
import type { Config } from '../config.js';
import { systemClock } from '../core/clock.js';
import { messageOf } from '../core/errors.js';
import type { Home } from '../embedded/home.js';
import { rememberedPort } from '../embedded/ports.js';
import type { RoleContext } from '../roles/context.js';
import { describeParts } from './attachedParts.js';
import { introduce, type Started, suggest, type Voice } from './banner.js';
import { runDemo } from './demo.js';
import { type RunningParts, startParts } from './embeddedParts.js';
import { createEndpointsFile, type EndpointsFile } from './endpoints.js';
import { firstSignal } from './signals.js';
import { createTelling, EXIT, setForcedExit } from './telling.js';

export interface StartOptions {
  readonly demo: boolean;
  readonly json: boolean;
}

const READY_TIMEOUT_MS = 60_000;

/** Everything in one process until a signal; resolves with the exit code. */
export async function runHome(
  home: Home,
  config: Config,
  voice: Voice,
  options: StartOptions,
): Promise<number> {
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
  const { logger, metrics, version } = createTelling(config, options.json);
  try {
    const httpPort = config.SPARK_HTTP_PORT || (await rememberedPort(home.state, 'httpPort'));
    const token = config.SPARK_TOKEN ?? home.state.secret('token');
    const parts = await startParts({
      config,
      home,
      httpPort,
      metrics,
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
    // Before the roles: a gate of this home, which the worker may wait for, needs it.
    describeParts(home, parts, token);
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
    await parts.embedded.services?.begin();
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
    const { url, token } = started;
    await runDemo({ url, token, replicaUrl, folder: home.dir, voice, clock: systemClock });
    home.state.set('demoShown', true);
  }
  suggest(voice, started);
}

async function stopAll(running: Running): Promise<void> {
  running.endpoints?.remove();
  await running.app?.stop();
  await running.parts?.stop();
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
