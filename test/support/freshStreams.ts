import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { provision } from '../../src/streams/provision.js';
import { STREAMS, type TopologyLimits } from '../../src/streams/topology.js';

export const TEST_TOPOLOGY: TopologyLimits = {
  partitions: 4,
  replicas: 1,
  commandsMaxBytes: 64 * 1024 * 1024,
  duplicateWindowMs: 120_000,
  deadLetterMaxAgeMs: 60 * 86_400_000,
  telemetryPerSubject: 1_000,
  uploadsMaxBytes: 64 * 1024 * 1024,
  uploadTtlMs: 7 * 86_400_000,
  cancelTtlMs: 7 * 86_400_000,
  maxAckPending: 2_048,
};

/** SPARK's streams as on the first day: whatever an earlier test file left is removed. */
export async function freshStreams(
  nc: NatsConnection,
  limits: TopologyLimits = TEST_TOPOLOGY,
): Promise<void> {
  const manager = await jetstreamManager(nc);
  const present = new Set<string>();
  for await (const name of manager.streams.names()) present.add(name);
  for (const name of Object.values(STREAMS)) if (present.has(name)) await manager.streams.delete(name);
  await provision(nc, limits);
}
