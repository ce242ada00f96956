import { messageOf } from '../core/errors.js';
import type { ReadinessCheck } from '../http/ports.js';
import type { Logger } from '../observability/logger.js';
import type { Metrics } from '../observability/metrics.js';
import { SERVICE_STATES, type ServiceState } from '../projections/persistentService.js';

/** The projections of the projector role, as metrics and checks name them. */
export type ProjectionName = 'log' | 'accepted_overlay' | 'dead_letters' | 'dead_letter_actions';

const WHAT: Readonly<Record<ProjectionName, string>> = {
  log: 'the projection of the log',
  accepted_overlay: 'the overlay of accepted commands',
  dead_letters: 'the projection of dead letters',
  dead_letter_actions: 'the projection of what was done about dead letters',
};

type States = Readonly<Record<ProjectionName, { readonly state: ServiceState }>>;

/** How a projection tells what happens to it: log lines, and a count of interruptions. */
export function tellingOf(name: ProjectionName, logger: Logger, metrics: Pick<Metrics, 'inc'>) {
  let before: ServiceState | undefined;
  return {
    onError: (error: unknown): void => {
      metrics.inc('spark_projector_interruptions_total', { projection: name });
      logger.warn({ error: messageOf(error) }, `${WHAT[name]} is interrupted; it goes on by itself`);
    },
    onFatal: (error: unknown): void =>
      logger.error({ error: messageOf(error) }, `${WHAT[name]} has stopped and needs you`),
    onState: (state: ServiceState): void => {
      if (state === before) return;
      if (state === 'waiting')
        logger.info({ projection: name }, `another process has ${WHAT[name]}: this one waits for its place`);
      else if (state === 'working') logger.info({ projection: name }, `${WHAT[name]} is at work`);
      before = state;
    },
  };
}

/** One gauge per projection and state: 1 for the one it is in. */
export function observeStates(metrics: Metrics, states: States): void {
  metrics.collect('spark_projector_state', () =>
    Object.entries(states).flatMap(([projection, { state: now }]) =>
      SERVICE_STATES.map((state) => ({ labels: { projection, state }, value: state === now ? 1 : 0 })),
    ),
  );
}

/** Fails when a projection has stopped for good; one that waits or retries is told. */
export function checkStates(states: States): ReadinessCheck {
  return {
    name: 'projector',
    check: async () => {
      const all = Object.entries(states).map(([name, { state }]) => `${name} ${state}`);
      return { ok: Object.values(states).every(({ state }) => state !== 'failed'), detail: all.join(', ') };
    },
  };
}
