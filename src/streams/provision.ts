import { isDeepStrictEqual } from 'node:util';
import {
  type ConsumerConfig,
  type JetStreamManager,
  jetstreamManager,
  type StreamConfig,
} from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import { type Clock, systemClock } from '../core/clock.js';
import { deadline } from '../core/deadline.js';
import { messageOf, SparkError } from '../core/errors.js';
import { apiErrorCode, isServerVerdict, untilAnswered } from './publish.js';
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

/** `NATS_REPLICAS` asks for copies that the server has no place for. */
export class NotEnoughServersError extends SparkError {
  readonly code = 'not_enough_nats_servers';
}

/** Which partition an editor belongs to is fixed with the streams: with another number, its commands would go where nobody looks for them. */
export class PartitionsChangedError extends SparkError {
  readonly code = 'partitions_changed';
}

/** Limits that come from SPARK's own configuration: changing the variable is the operator's word, so these follow it. */
const FOLLOWS_CONFIG = new Set([
  'max_bytes',
  'max_age',
  'duplicate_window',
  'max_msgs_per_subject',
  'max_ack_pending',
]);

/** A cluster that is starting, or has just lost a server, answers within 10 s; one whose third server is not up yet may take longer. */
const PATIENCE_MS = 60_000;
const REPLICAS_NOT_CLUSTERED = 10_074;
const NO_SUITABLE_PEERS = 10_005;
/** One copy, in the memory of one server: while that one is away there is no telemetry, and everything else goes on. */
const EXPENDABLE: ReadonlySet<string> = new Set([STREAMS.telemetry]);

/**
 * Makes every stream and consumer that is missing, raises copies to `limits.replicas`, and reports what differs otherwise. Safe to run by
 * many at once and again; waits for a cluster that has no leader just now, up to a minute.
 * Throws `ServerTooOldError` below nats-server 2.14 (consumer reset, which keeps order at a takeover, is not there) and
 * `NotEnoughServersError` when there are fewer servers than copies.
 */
export async function provision(
  nc: NatsConnection,
  limits: TopologyLimits,
  { clock, patienceMs }: { clock: Clock; patienceMs: number } = {
    clock: systemClock,
    patienceMs: PATIENCE_MS,
  },
): Promise<Drift[]> {
  demandVersion(nc.info?.version ?? '0');
  const limit = deadline(clock, patienceMs);
  const patiently = async <T>(ask: () => Promise<T>): Promise<T> => {
    const answer = await untilAnswered(clock, limit.signal, () => placed(ask));
    if (answer instanceof SparkError) throw answer;
    return answer;
  };
  try {
    const manager = await patiently(() => jetstreamManager(nc));
    const drift: Drift[] = [];
    for (const config of streamConfigs(limits)) {
      const ensure = () => ensureStream(manager, config);
      drift.push(...(await (EXPENDABLE.has(config.name ?? '') ? orAway(config, ensure) : patiently(ensure))));
    }
    for (let partition = 0; partition < limits.partitions; partition++)
      drift.push(...(await patiently(() => ensureConsumer(manager, partition, limits))));
    return drift;
  } catch (error) {
    if (error instanceof NoPlaceYetError) throw notEnough(limits.replicas, error.cause);
    if (apiErrorCode(error) === REPLICAS_NOT_CLUSTERED) throw notEnough(limits.replicas, error);
    throw error;
  } finally {
    limit.clear();
  }
}

/**
 * Makes the telemetry stream where it is missing: it lies in memory, and a server that stands alone comes back from a restart without it (in a
 * cluster the others remember it). Resolves with whether it was missing; throws the server's refusal, or that nobody answers.
 */
export async function restoreTelemetry(nc: NatsConnection, limits: TopologyLimits): Promise<boolean> {
  const manager = await jetstreamManager(nc, { checkAPI: false });
  if (await infoOrUndefined(() => manager.streams.info(STREAMS.telemetry))) return false;
  for (const config of streamConfigs(limits))
    if (config.name === STREAMS.telemetry) await ensureStream(manager, config);
  return true;
}

/** The cluster has too few servers up for the copies: perhaps the others are still starting, so it is asked again. */
class NoPlaceYetError extends Error {}

/** What we ourselves found wrong is an answer: asked again it would be the same. */
async function placed<T>(ask: () => Promise<T>): Promise<T | SparkError> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof SparkError) return error;
    if (apiErrorCode(error) === NO_SUITABLE_PEERS) throw new NoPlaceYetError('no place', { cause: error });
    throw error;
  }
}

const notEnough = (replicas: number, cause: unknown): NotEnoughServersError =>
  new NotEnoughServersError(
    `NATS_REPLICAS is ${replicas}, which takes a cluster of at least ${replicas} servers with JetStream, all up when the streams are made (${messageOf(cause)})`,
    { cause, fields: { replicas } },
  );

async function orAway(config: Partial<StreamConfig>, ensure: () => Promise<Drift[]>): Promise<Drift[]> {
  try {
    return await ensure();
  } catch (error) {
    if (isServerVerdict(error)) throw error;
    return [{ name: config.name ?? '', setting: 'server', want: 'up', have: messageOf(error) }];
  }
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
  demandPartitions(name, want.subject_transform?.dest, have.config.subject_transform?.dest);
  return reconcile(name, want, have.config, (changes) => manager.streams.update(name, changes));
}

function demandPartitions(name: string, want: string | undefined, have: string | undefined): void {
  if (want === undefined || want === have) return;
  throw new PartitionsChangedError(
    `SPARK_PARTITIONS is not what it was when ${name} was made: set it back, it is fixed for the life of the streams`,
    { fields: { stream: name, want, have } },
  );
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
  const follow = drift.filter(follows);
  if (follow.length > 0)
    await update(Object.fromEntries(follow.map((difference) => [difference.setting, difference.want])));
  return drift.filter((difference) => !follows(difference));
}

/** Copies are raised and never taken away: a process that starts without the variable must not make everybody's commands less safe. */
function follows({ setting, want, have }: Drift): boolean {
  if (setting === 'num_replicas') return Number(want) > Number(have);
  return FOLLOWS_CONFIG.has(setting);
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
