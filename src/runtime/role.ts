import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type AppRole, createApp } from '../app.js';
import type { Config } from '../config.js';
import { systemClock } from '../core/clock.js';
import { acquireHomeLock } from '../embedded/homeLock.js';
import { attachParts } from './attachedParts.js';
import type { Voice } from './banner.js';
import { firstSignal } from './signals.js';
import { createTelling, EXIT, setForcedExit } from './telling.js';

/** One role in a process of its own, on servers that URLs name or on those of a running home, until a signal. */
export async function runAppRole(
  role: AppRole,
  config: Config,
  voice: Voice,
  json: boolean,
): Promise<number> {
  const { parts, token } = attachParts(config, role);
  const stateDir = join(config.SPARK_HOME, 'fences');
  const unlock = role === 'gate' ? lockFences(stateDir) : undefined;
  const context = { config, parts, clock: systemClock, ...createTelling(config, json), stateDir };
  const app = await createApp(context, {
    roles: [role],
    token,
    httpPort: config.SPARK_HTTP_PORT,
    progress: (message) => voice.say(`  … ${message}`),
  });
  const signal = firstSignal(systemClock, () => voice.say('forced'));
  // A start may wait for other processes: a signal ends that too.
  const running = await Promise.race([app.start().then(() => true), signal.then(() => false)]);
  const address = running ? app.address() : undefined;
  if (running)
    voice.say(
      `spark ${role} ${context.version} runs${address ? ` at ${address.url}` : ''}; Ctrl-C drains and stops it`,
    );
  await signal;
  const forced = setForcedExit(voice);
  await app.stop();
  unlock?.();
  forced();
  return EXIT.ok;
}

/** Two gates over one fence would let through what the other has refused. Throws `HomeInUseError`; the lock of a killed one is free. */
function lockFences(stateDir: string): () => void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  return acquireHomeLock(stateDir);
}
