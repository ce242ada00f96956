import type { Config } from '../config.js';
import { codeOf } from '../core/errors.js';
import { openHome } from '../embedded/home.js';
import { migrate } from '../postgres/migrate.js';
import type { Parts } from '../roles/parts.js';
import { attachParts } from './attachedParts.js';
import type { Voice } from './banner.js';
import { startParts } from './embeddedParts.js';

/** Nobody calls Unity during a rebuild: this keeps its simulator from being started. */
const NO_UNITY = 'http://127.0.0.1:9/mcp';

export interface RebuildServers {
  readonly parts: Parts;
  /** Started for this rebuild: nobody else reads there. */
  readonly alone: boolean;
  stop(): Promise<void>;
}

/**
 * The servers a rebuild works on: those that URLs name, those of a home that runs, or those of a home that does not, which are started for
 * the time of the rebuild. Throws `NoPartsError` and what starting a server throws.
 */
export async function openRebuildServers(
  config: Config,
  voice: Voice,
  warn: (message: string) => void,
): Promise<RebuildServers> {
  if (config.NATS_URL && config.DATABASE_URL) return migrated(attached(config));
  try {
    return await started(config, voice, warn);
  } catch (error) {
    if (codeOf(error) !== 'home_in_use') throw error;
    // Whoever runs it has migrated its database.
    return attached(config);
  }
}

function attached(config: Config): RebuildServers {
  return { parts: attachParts(config, 'projector').parts, alone: false, stop: async () => undefined };
}

async function started(
  config: Config,
  voice: Voice,
  warn: (message: string) => void,
): Promise<RebuildServers> {
  const home = await openHome({ dir: config.SPARK_HOME, fresh: false });
  try {
    const parts = await startParts({
      config: { ...config, UNITY_MCP_URL: config.UNITY_MCP_URL ?? NO_UNITY },
      home,
      httpPort: 1,
      progress: (message) => voice.say(`  … ${message}`),
      warn,
      changed: () => undefined,
    });
    const stop = async (): Promise<void> => {
      try {
        await parts.stop();
      } finally {
        home.release();
      }
    };
    return await migrated({ parts, alone: true, stop });
  } catch (error) {
    home.release();
    throw error;
  }
}

async function migrated(servers: RebuildServers): Promise<RebuildServers> {
  try {
    await migrate({
      adminUrl: servers.parts.postgres.adminUrl,
      dir: new URL('../../migrations/', import.meta.url).pathname,
    });
    return servers;
  } catch (error) {
    await servers.stop();
    throw error;
  }
}
