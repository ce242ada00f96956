import type { Service } from '../core/service.js';
import { waitForPlace } from './atPlace.js';
import { LOG_CHECKPOINT } from './checkpoint.js';
import { openLogSession } from './openLogSession.js';
import { PersistentService, type ServiceState } from './persistentService.js';
import { withProjectorConnection } from './projectorConnection.js';
import type { LogProjectionOptions } from './projectorOptions.js';

export interface ProjectorOptions extends LogProjectionOptions {
  /** Something failed (Postgres or the log is away, another owner); it is tried again. */
  readonly onError: (error: unknown) => void;
  /** It stopped for good: another log, a log that lost messages, events of a newer version. */
  readonly onFatal: (error: unknown) => void;
  readonly onState?: ((state: ServiceState) => void) | undefined;
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
  return new PersistentService({
    name: 'projector',
    clock,
    onError: options.onError,
    onFatal: options.onFatal,
    onState: options.onState,
    session: (signal, tell) =>
      withProjectorConnection(pool, clock, signal, async (client) => {
        if (!(await waitForPlace(client, clock, LOG_CHECKPOINT, tell, signal))) return;
        const session = await openLogSession(client, options);
        tell('working');
        await session.run(signal);
      }),
  });
}
