import { isDeepStrictEqual } from 'node:util';
import {
  type ConsumerConfig,
  type JetStreamManager,
  jetstreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { SparkError } from '../core/errors.js';
import {
  STREAMS,
  streamConfigs,
  type TopologyLimits,
  workerConsumer,
  workerConsumerConfig,
} from './topology.js';

/** A setting of the server that is not what this build wants: reported, never changed behind an operator's back. */
export interface Drift {
  readonly name: string;
  readonly setting: string;
  readonly want: unknown;
  readonly have: unknown;
}

export class ServerTooOldError extends SparkError {
  readonly code = 'nats_server_too_old';
}

/** Limits that come from SPARK's own configuration: changing the variable is the operator's word, so these follow it. */
const FOLLOWS_CONFIG = new Set([
  'max_bytes',
  'max_age',
  'duplicate_window',
  'max_msgs_per_subject',
  'max_ack_pending',
]);

/**
 * Makes every stream and consumer that is missing and reports what differs. Safe to run by many at once and again.
 * Throws `ServerTooOldError` below nats-server 2.14: consumer reset, which keeps order at a takeover, is not there.
 */
export async function provision(nc: NatsConnection, limits: TopologyLimits): Promise<Drift[]> {
  demandVersion(nc.info?.version ?? '0');
  const manager = await jetstreamManager(nc);
  const drift: Drift[] = [];
  for (const config of streamConfigs(limits)) drift.push(...(await ensureStream(manager, config)));
  for (let partition = 0; partition < limits.partitions; partition++)
    drift.push(...(await ensureConsumer(manager, partition, limits)));
  return drift;
}

function demandVersion(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  if (major < 2 || (major === 2 && minor < 14))
    throw new ServerTooOldError(
      `nats-server ${version} is too old: 2.14 or newer is needed (consumer reset keeps order at a takeover)`,
      {
        fields: { version, needed: '2.14' },
      },
    );
}

async function ensureStream(manager: JetStreamManager, want: Partial<StreamConfig>): Promise<Drift[]> {
  const name = want.name as string;
  const have = await infoOrUndefined(() => manager.streams.info(name));
  if (!have) {
    await createOrAdopt(
      () => manager.streams.add(want as StreamConfig & { name: string }),
      () => manager.streams.info(name),
    );
    return [];
  }
  return reconcile(name, want, have.config, (changes) => manager.streams.update(name, changes));
}

async function ensureConsumer(
  manager: JetStreamManager,
  partition: number,
  limits: TopologyLimits,
): Promise<Drift[]> {
  const name = workerConsumer(partition);
  const want = workerConsumerConfig(partition, limits);
  const have = await infoOrUndefined(() => manager.consumers.info(STREAMS.commands, name));
  if (!have) {
    await createOrAdopt(
      () => manager.consumers.add(STREAMS.commands, want),
      () => manager.consumers.info(STREAMS.commands, name),
    );
    return [];
  }
  return reconcile(`${STREAMS.commands} > ${name}`, want, have.config, (changes) =>
    manager.consumers.update(STREAMS.commands, name, changes as Partial<ConsumerConfig>),
  );
}

/** Two processes may start at once: whoever comes second finds the name taken, which is as good. */
async function createOrAdopt(create: () => Promise<unknown>, info: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!(await infoOrUndefined(info))) throw error;
  }
}

async function reconcile(
  name: string,
  want: object,
  have: object,
  update: (changes: Record<string, unknown>) => Promise<unknown>,
): Promise<Drift[]> {
  const drift = driftOf(name, want, have);
  const follow = drift.filter((difference) => FOLLOWS_CONFIG.has(difference.setting));
  if (follow.length > 0)
    await update(Object.fromEntries(follow.map((difference) => [difference.setting, difference.want])));
  return drift.filter((difference) => !FOLLOWS_CONFIG.has(difference.setting));
}

/** The wanted settings that the server has otherwise; what we don't name is the operator's. */
export function driftOf(name: string, want: object, have: object): Drift[] {
  const existing = have as Record<string, unknown>;
  return Object.entries(want)
    .filter(([setting, value]) => !isDeepStrictEqual(value, existing[setting]))
    .map(([setting, value]) => ({ name, setting, want: value, have: existing[setting] }));
}

async function infoOrUndefined<T>(info: () => Promise<T>): Promise<T | undefined> {
  try {
    return await info();
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    // 10059 stream not found, 10014 consumer not found.
    if (code === 10059 || code === 10014) return undefined;
    throw error;
  }
}
