import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.js';
import { deadline } from '../../src/core/deadline.js';
import type { Home } from '../../src/embedded/home.js';
import { rememberedPort } from '../../src/embedded/ports.js';
import type { PostgresPair } from '../../src/embedded/postgresPair.js';
import type { History } from '../history.js';
import type { ControlledProcess, ProcessKind } from '../ports.js';
import { layWire, type ProxiedWire } from '../proxy/wires.js';
import { type Places, through } from './access.js';
import { makeRoleHome } from './homes.js';
import { ManagedProcess } from './managedProcess.js';
import { workerBehind } from './natsConnections.js';
import type { NatsFleet } from './natsFleet.js';
import { type RecoveryEyes, recoveryWatch } from './recovery.js';
import { roleSettings } from './settings.js';
import type { SimulatedEditor } from './simulator.js';
import { createSparkRole, type SparkRole } from './sparkRole.js';

/** Whether a gate of its own stands in front of the editors. */
const WITH_GATE = true;
const WORKERS = 3;
const UP_WITHIN_MS = 90_000;

export interface RoleFleet {
  readonly processes: readonly ControlledProcess[];
  readonly wires: readonly ProxiedWire[];
  readonly ingestUrl: string;
  readonly token: string;
}

export interface RolesOptions {
  readonly home: Home;
  /** The run's folder: the homes of the roles lie there. */
  readonly dir: string;
  readonly history: History;
  readonly nats: NatsFleet;
  readonly postgres: PostgresPair;
  readonly simulator: { readonly port: number; readonly editors: readonly SimulatedEditor[] };
  readonly recovery: RecoveryEyes;
  readonly partitions: number;
}

/** Starts the roles of SPARK, each as its own process behind wires of its own, and resolves when all of them say that they run. */
export async function startRoles(
  options: RolesOptions,
  stops: (() => Promise<void>)[],
  signal: AbortSignal,
): Promise<RoleFleet> {
  const { home } = options;
  const wires: ProxiedWire[] = [];
  stops.push(async () => {
    await Promise.all(wires.map((wire) => wire.close()));
  });
  const token = home.state.secret('token');
  const ports = {
    ingest: await rememberedPort(home.state, 'ingestPort'),
    gate: await rememberedPort(home.state, 'gatePort'),
  };
  const launch = new Launch(options, wires, token, ports);
  const processes = await Promise.all([
    ...(WITH_GATE ? [launch.role('gate', 'gate')] : []),
    launch.role('ingest', 'ingest'),
    ...Array.from({ length: WORKERS }, (_, index) => launch.role('worker', `worker-${index + 1}`)),
    launch.role('projector', 'projector'),
  ]);
  stops.push(async () => {
    await Promise.all(processes.map((process) => process.stop()));
  });
  // Side by side: they wait for one another where they must.
  await allUp(processes, signal);
  return { processes, wires, ingestUrl: `http://127.0.0.1:${ports.ingest}`, token };
}

/** Throws when one of them does not serve in time, and says which. */
async function allUp(processes: readonly ManagedProcess[], signal: AbortSignal): Promise<void> {
  const limit = deadline(systemClock, UP_WITHIN_MS, signal);
  try {
    await Promise.all(processes.map((process) => process.start(limit.signal)));
  } catch (error) {
    const missing = processes.filter(({ awake }) => !awake).map(({ name }) => name);
    throw limit.expired()
      ? new Error(`not up after ${UP_WITHIN_MS} ms: ${missing.join(', ')}`, { cause: error })
      : error;
  } finally {
    limit.clear();
  }
}

class Launch {
  readonly #options: RolesOptions;
  readonly #wires: ProxiedWire[];
  readonly #token: string;
  readonly #ports: { readonly ingest: number; readonly gate: number };

  constructor(
    options: RolesOptions,
    wires: ProxiedWire[],
    token: string,
    ports: { readonly ingest: number; readonly gate: number },
  ) {
    this.#options = options;
    this.#wires = wires;
    this.#token = token;
    this.#ports = ports;
  }

  /** A role, not started: its wires, its home, its settings. */
  async role(role: SparkRole, name: string): Promise<ManagedProcess> {
    const { home, dir, history, recovery, nats, simulator, partitions } = this.#options;
    const roleHome = join(dir, 'roles', name);
    makeRoleHome(roleHome, home.state, { places: await this.#places(role, name), token: this.#token });
    let managed: ManagedProcess | undefined;
    const daemon = createSparkRole({
      name,
      role,
      home: roleHome,
      runDir: home.runDir,
      logFile: join(home.stateDir('logs'), `${name}.log`),
      env: {
        ...roleSettings({
          token: this.#token,
          partitions,
          replicas: nats.urls.length,
          editors: simulator.editors,
        }),
        ...(await this.#own(role, name)),
      },
      onExit: (exit) => managed?.onExit(exit),
      onRestart: () => managed?.onRestart(),
    });
    const ready = role === 'gate' ? this.#ports.gate : this.#ports.ingest;
    const eyes = {
      ...recovery,
      readyUrl: `http://127.0.0.1:${ready}/readyz`,
      awake: () => managed?.awake === true,
      owned: () => this.#owned(name),
    };
    managed = new ManagedProcess({
      name,
      kind: role,
      daemon,
      history,
      watchRecovery: recoveryWatch(role, eyes),
    });
    return managed;
  }

  /** What a worker of that name owns now: its id is found by its connection, and what it owns by its own word. */
  async #owned(name: string): Promise<readonly number[] | undefined> {
    const { nats, recovery } = this.#options;
    const wire = this.#wires.find(({ from, to }) => from === name && to === 'nats');
    const workerId = wire && (await workerBehind(nats.monitorUrls, wire.upstreamPorts));
    return workerId === undefined ? undefined : recovery.observer().ownedBy(workerId);
  }

  async #places(role: SparkRole, name: string): Promise<Places> {
    const { nats, postgres, simulator } = this.#options;
    const natsPorts = role === 'gate' ? nats.ports : await this.#wire(name, 'nats', nats.ports);
    const primary =
      role === 'projector'
        ? through(postgres.primary.url, one(await this.#wire(name, 'postgres', [postgres.primary.port])))
        : postgres.primary.url;
    const drivesEditors = role === (WITH_GATE ? 'gate' : 'worker');
    const unity = drivesEditors ? one(await this.#wire(name, 'simulator', [simulator.port])) : simulator.port;
    return {
      nats: natsPorts.map((port) => `nats://127.0.0.1:${port}`).join(','),
      primary,
      replica: postgres.replica.url,
      unityMcp: `http://127.0.0.1:${unity}/mcp`,
    };
  }

  /** What only this role is told. */
  async #own(role: SparkRole, name: string): Promise<Record<string, string>> {
    if (role === 'ingest') return { SPARK_HTTP_PORT: String(this.#ports.ingest) };
    if (!WITH_GATE) return {};
    const secret = this.#options.home.state.secret('gateToken');
    if (role === 'gate') return { SPARK_GATE_PORT: String(this.#ports.gate), SPARK_GATE_TOKEN: secret };
    if (role !== 'worker') return {};
    const port = one(await this.#wire(name, 'gate', [this.#ports.gate]));
    return { SPARK_GATE_URL: `http://127.0.0.1:${port}`, SPARK_GATE_TOKEN: secret };
  }

  async #wire(from: string, to: ProcessKind, ports: readonly number[]): Promise<readonly number[]> {
    const wire = await layWire(from, to, ports);
    this.#wires.push(wire);
    return wire.ports;
  }
}

function one(ports: readonly number[]): number {
  const [port] = ports;
  if (port === undefined) throw new Error('a wire without a port');
  return port;
}
