import { type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';

/** What asks JetStream over one connection, with the library's own timeouts. */
export interface Clients {
  readonly js: JetStreamClient;
  readonly manager: Promise<JetStreamManager>;
}

const CLIENTS = Symbol('clients');

/**
 * The clients of a connection: made once, for all who need no timeouts of their own. The library makes seven objects with an inbox name
 * each for a pair of them, which takes longer than a claim's own work. They are kept on the connection itself and go with it.
 */
export function clientsOf(nc: NatsConnection & { [CLIENTS]?: Clients }): Clients {
  const known = nc[CLIENTS];
  if (known) return known;
  const made = { js: jetstream(nc), manager: jetstreamManager(nc, { checkAPI: false }) };
  nc[CLIENTS] = made;
  return made;
}
