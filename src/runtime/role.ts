import { join } from 'node:path';
import { type AppRole, createApp } from '../app.js';
import type { Config } from '../config.js';
import { systemClock } from '../core/clock.js';
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
  const { parts, token } = attachParts(config);
  const context = {
    config,
    parts,
    clock: systemClock,
    ...createTelling(config, json),
    stateDir: join(config.SPARK_HOME, 'fences'),
  };
  const app = await createApp(context, {
    roles: [role],
    token,
    httpPort: config.SPARK_HTTP_PORT,
    progress: (message) => voice.say(`  … ${message}`),
  });
  const signal = firstSignal(systemClock, () => voice.say('forced'));
  await app.start();
  const address = app.address();
  voice.say(
    `spark ${role} ${context.version} runs${address ? ` at ${address.url}` : ''}; Ctrl-C drains and stops it`,
  );
  await signal;
  const forced = setForcedExit(voice);
  await app.stop();
  forced();
  return EXIT.ok;
}
