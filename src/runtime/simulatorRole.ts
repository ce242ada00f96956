import { join } from 'node:path';
import type { Config } from '../config.js';
import { systemClock } from '../core/clock.js';
import { startSimulator } from '../embedded/simulator/start-simulator.js';
import type { Voice } from './banner.js';
import { firstSignal } from './signals.js';

/** `spark simulator`: the Unity simulator alone, on the port a Unity MCP server usually has. */
export async function runSimulator(config: Config, voice: Voice): Promise<number> {
  const signal = firstSignal(systemClock, () => voice.say('forced'));
  const simulator = await startSimulator({ stateDir: join(config.SPARK_HOME, 'unity'), port: 8080 });
  voice.say(`Unity simulator at ${simulator.url}, control at ${simulator.sim}`);
  for (const [editor, folder] of Object.entries(simulator.projects))
    voice.say(`  editor "${editor}": ${folder}`);
  await signal;
  await simulator.stop();
  return 0;
}
