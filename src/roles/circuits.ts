import type { ReadinessCheck } from '../http/ports.js';
import { CIRCUIT_LEVEL, CircuitBreaker, type CircuitState } from '../resilience/circuitBreaker.js';
import type { RoleContext } from './context.js';

/** Unity's circuit looks again this soon whatever is configured: an editor that is back must not wait for its circuit. */
const UNITY_OPEN_MS = 500;

/** The circuits of a process: their state as metric, log line and check. */
export class Circuits {
  readonly #states = new Map<string, CircuitState>();
  readonly #unity = new Map<string, CircuitBreaker>();
  readonly #context: RoleContext;

  constructor(context: RoleContext) {
    this.#context = context;
    this.opened('unity');
  }

  /** The circuit of one Unity MCP server; `unity` is the configured one, others are told apart by their host. */
  ofUnity(url: string): CircuitBreaker {
    const known = this.#unity.get(url);
    if (known) return known;
    const { clock, parts } = this.#context;
    const endpoint = url === parts.unity.mcpUrl ? 'unity' : `unity@${new URL(url).host}`;
    const openMs = Math.min(UNITY_OPEN_MS, this.limits.openMs);
    const circuit = new CircuitBreaker({
      endpoint,
      clock,
      limits: { ...this.limits, openMs },
      onState: (state) => this.changed(endpoint, state),
    });
    this.#unity.set(url, circuit);
    this.opened(endpoint);
    return circuit;
  }

  get limits() {
    const { config } = this.#context;
    return {
      consecutiveFailures: config.SPARK_CIRCUIT_FAILURES,
      failureRatio: config.SPARK_CIRCUIT_RATIO,
      windowCalls: config.SPARK_CIRCUIT_WINDOW,
      openMs: config.SPARK_CIRCUIT_OPEN_MS,
    };
  }

  /** A circuit that is there from now on, closed. */
  opened(endpoint: string): void {
    this.#tell(endpoint, 'closed');
  }

  changed(endpoint: string, state: CircuitState): void {
    this.#tell(endpoint, state);
    const { logger } = this.#context;
    if (state === 'open')
      logger.warn({ endpoint }, 'the circuit is open: commands wait, no attempt is spent');
    if (state === 'closed') logger.info({ endpoint }, 'the circuit is closed again');
  }

  /**
   * `/readyz` stays 200 with an open circuit: commands are taken and wait. Which one is open is told.
   */
  get check(): ReadinessCheck {
    return {
      name: 'circuits',
      check: async () => {
        const open = [...this.#states].filter(([, state]) => state !== 'closed');
        const detail =
          open.length === 0
            ? `closed: ${[...this.#states.keys()].join(', ')}`
            : `degraded: ${open.map(([endpoint, state]) => `${endpoint} is ${state.replace('_', ' ')}`).join(', ')}; its commands wait`;
        return { ok: true, detail };
      },
    };
  }

  #tell(endpoint: string, state: CircuitState): void {
    this.#states.set(endpoint, state);
    this.#context.metrics.set('spark_circuit_state', { endpoint }, CIRCUIT_LEVEL[state]);
  }
}
