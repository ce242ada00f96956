import { pause } from '../core/clock.js';
import type { Service } from '../core/service.js';
import { LOG_CHECKPOINT } from './checkpoint.js';
import { ImageStore } from './images/store.js';
import { openLogSession } from './openLogSession.js';
import { PersistentService, type ServiceState } from './persistentService.js';
import { tryTakePlace, withProjectorConnection } from './projectorConnection.js';
import type { LogProjectionOptions } from './projectorOptions.js';

/** How often a waiting projector asks for the place. */
const PLACE_POLL_MS = 500;

export interface ProjectorOptions extends LogProjectionOptions {
  /** Something failed (Postgres or the log is away, another owner); it is tried again. */
  readonly onError: (error: unknown) => void;
  /** It stopped for good: another log, a log that lost messages, events of a newer version. */
  readonly onFatal: (error: unknown) => void;
}

export interface Projector extends Service {
  readonly state: ServiceState;
}

/**
 * Folds the log into the read models, live and catching up alike. One works at a time: others wait for its place. Exactly once:
 * the checkpoint moves, by compare-and-set, in the transaction that writes what lies before it.
 */
export function createProjector(options: ProjectorOptions): Projector {
  const { pool, clock } = options;
  const images = new ImageStore(pool, options.imageSource);
  return new PersistentService({
    name: 'projector',
    clock,
    onError: options.onError,
    onFatal: options.onFatal,
    session: (signal, tell) =>
      withProjectorConnection(pool, clock, signal, async (client) => {
        while (!(await tryTakePlace(client, LOG_CHECKPOINT))) {
          tell('waiting');
          await pause(clock, PLACE_POLL_MS, signal);
          if (signal.aborted) return;
        }
        // Somebody else may have rebuilt the table while we waited or were away.
        images.forget();
        const session = await openLogSession(client, options, images);
        tell('working');
        await session.run(signal);
      }),
  });
}
