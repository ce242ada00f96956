import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Config, processEnvironment } from '../config.js';
import { systemClock } from '../core/clock.js';
import type { Home } from '../embedded/home.js';
import { rememberedPort } from '../embedded/ports.js';
import { SupervisedChild } from '../embedded/supervisedChild.js';
import type { Parts, ServicePlace } from '../roles/parts.js';

/** The reference services as a process of their own: OCR and speech recognition where no URL is configured. */
export interface ServicesProcess {
  readonly place: ServicePlace;
  readonly pid: number | undefined;
  /** Resolves as soon as the process is there: nothing at the start waits until it serves. */
  begin(): Promise<void>;
  stop(): Promise<void>;
}

const READY_POLL_MS = 50;
const PID_POLL_MS = 5;
const PID_POLLS = 200;

/** What apt needs to reach the archive; nothing else of this process's environment goes down. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'TMPDIR', 'APT_CONFIG', 'http_proxy', 'https_proxy', 'no_proxy'];

/** Makes it, not started; undefined when both URLs are configured or SPARK_REFERENCE_SERVICES is off. */
export async function createServicesProcess(options: {
  readonly config: Config;
  readonly home: Home;
  readonly warn: (message: string, error?: unknown) => void;
  readonly changed: () => void;
}): Promise<ServicesProcess | undefined> {
  const { config, home, warn, changed } = options;
  if (config.SPARK_REFERENCE_SERVICES === 'off') return undefined;
  if (config.CV_SERVICE_URL && config.ASR_SERVICE_URL) return undefined;
  const port = await rememberedPort(home.state, 'servicesPort');
  const place = { url: `http://127.0.0.1:${port}`, token: home.state.secret('services') };
  const stateDir = home.stateDir('services');
  const cacheDir = config.SPARK_CACHE ?? join(homedir(), '.cache', 'spark');
  const main = fileURLToPath(new URL('../embedded/services/main.js', import.meta.url));
  const child = new SupervisedChild({
    name: 'services',
    command: [process.execPath, main, '--port', String(port), '--cache', cacheDir],
    env: { ...environment(), SPARK_SERVICES_TOKEN: place.token },
    cwd: stateDir,
    stopSignals: ['SIGTERM'],
    stopStepMs: 500,
    runDir: home.runDir,
    logFile: join(stateDir, 'services.log'),
    ready: (signal) => answers(`${place.url}/health`, signal),
    onExit: (exit) =>
      warn(`the reference services ended (${exit.signal ?? exit.code}); they are being restarted`),
    onRestart: changed,
  });
  let ending = false;
  return {
    place,
    get pid() {
      return child.pid;
    },
    begin: async () => {
      void child.start().then(changed, (error: unknown) => {
        if (!ending) warn('the reference services did not start', error);
      });
      // Known in a few ms; whether it serves already is nothing that anybody waits for.
      for (let polls = 0; child.pid === undefined && polls < PID_POLLS; polls++)
        await systemClock.sleep(PID_POLL_MS);
    },
    stop: () => {
      ending = true;
      return child.stop();
    },
  };
}

/** CV and ASR as configured; what no URL names is taken from `reference`. */
export function configuredServices(
  config: Config,
  reference: { readonly cv?: ServicePlace | undefined; readonly asr?: ServicePlace | undefined } | undefined,
): Parts['services'] {
  return {
    cv: config.CV_SERVICE_URL
      ? { url: config.CV_SERVICE_URL, token: config.CV_SERVICE_TOKEN }
      : reference?.cv,
    asr: config.ASR_SERVICE_URL
      ? { url: config.ASR_SERVICE_URL, token: config.ASR_SERVICE_TOKEN }
      : reference?.asr,
  };
}

function environment(): Record<string, string> {
  const env = processEnvironment();
  const names = [...PASSED_ON, ...PASSED_ON.map((name) => name.toUpperCase())];
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

async function answers(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      if ((await fetch(url, { signal })).ok) return;
    } catch {
      // Not listening yet.
    }
    await systemClock.sleep(READY_POLL_MS, signal);
  }
}
