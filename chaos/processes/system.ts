import { join } from 'node:path';
import { type Home, openHome } from '../../src/embedded/home.js';
import { rememberedPort } from '../../src/embedded/ports.js';
import { type PostgresPair, startPostgresPair } from '../../src/embedded/postgresPair.js';
import { migrate } from '../../src/postgres/migrate.js';
import { createPool } from '../../src/postgres/pools.js';
import { setRolePasswords } from '../../src/postgres/roles.js';
import type { History } from '../history.js';
import type { ControlledProcess, ControlledSystem, Recovery, SmallDisk } from '../ports.js';
import { natsAccess, partsFor } from './access.js';
import { ManagedProcess } from './managedProcess.js';
import { type NatsFleet, startOneNats, startThreeNats } from './natsFleet.js';
import { NatsObserver } from './natsObserver.js';
import { type RecoveryEyes, recoveryWatch } from './recovery.js';
import { type RoleFleet, startRoles } from './roles.js';
import { createSimulator, type SimulatedEditor, simulatedEditors } from './simulator.js';
import { limitedStream, mountedDisk } from './smallDisk.js';
import { repositoryRoot } from './sparkRole.js';
import { writeWitness } from './witness.js';

export interface SystemOptions {
  /** The run's folder; every user may pass through it (Postgres is not root). */
  readonly dir: string;
  readonly history: History;
  readonly cluster: boolean;
  readonly onProgress: (message: string) => void;
}

/** The system under test, running. */
export interface RunningSystem extends ControlledSystem {
  readonly observer: NatsObserver;
  /** How long processes were away, as the nemeses told. */
  readonly recoveries: readonly Recovery[];
  stop(): Promise<void>;
}

export const EDITORS = ['default', 'castle', 'forest', 'harbour', 'meadow', 'tower'] as const;
export const PARTITIONS = 4;

/** Starts everything, each process on its own, and resolves when all of it serves. What was started is ended again when a part fails. */
export async function startSystem(options: SystemOptions, signal: AbortSignal): Promise<RunningSystem> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).reverse()) await end().catch(() => undefined);
  };
  try {
    return await assemble(options, stops, stop, signal);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(
  options: SystemOptions,
  stops: (() => Promise<void>)[],
  stop: () => Promise<void>,
  signal: AbortSignal,
): Promise<RunningSystem> {
  const { dir, history, onProgress } = options;
  const home = await openHome({ dir: join(dir, 'home'), fresh: false });
  stops.push(async () => home.release());
  let observer: NatsObserver | undefined;
  const eyes = (): NatsObserver => {
    if (observer === undefined) throw new Error('nobody looks at NATS yet');
    return observer;
  };
  const [nats, postgres, simulator] = await startServers(home, options, eyes, stops, signal);
  observer = await NatsObserver.connect(natsAccess(home.state, 'admin', nats.urls));
  stops.push(() => eyes().close());
  const witness = writeWitness(observer, join(dir, 'witness.jsonl'));
  stops.push(() => witness.stop());
  await prepareDatabase(home, postgres);
  onProgress('the servers run; starting the roles');
  const recovery: RecoveryEyes = {
    observer: eyes,
    primaryUrl: postgres.pair.primary.url,
    replicaUrl: postgres.pair.replica.url,
    simulatorUrl: simulator.url,
  };
  const roles = await startRoles(
    { home, dir, history, nats, postgres: postgres.pair, simulator, recovery, partitions: PARTITIONS },
    stops,
    signal,
  );
  return systemOf(options, { home, nats, postgres, simulator, roles, observer, eyes }, stop);
}

interface Simulator {
  readonly url: string;
  readonly port: number;
  readonly effectLog: string;
  readonly editors: readonly SimulatedEditor[];
  readonly process: ControlledProcess;
}

interface Postgres {
  readonly pair: PostgresPair;
  readonly processes: readonly ControlledProcess[];
}

interface Assembled {
  readonly home: Home;
  readonly nats: NatsFleet;
  readonly postgres: Postgres;
  readonly simulator: Simulator;
  readonly roles: RoleFleet;
  readonly observer: NatsObserver;
  readonly eyes: () => NatsObserver;
}

function systemOf(options: SystemOptions, parts: Assembled, stop: () => Promise<void>): RunningSystem {
  const { home, nats, postgres, simulator, roles, observer, eyes } = parts;
  const recoveries: Recovery[] = [];
  const disk: SmallDisk = nats.mount ? mountedDisk(nats.mount, eyes) : limitedStream(eyes);
  return {
    dir: options.dir,
    http: [{ url: roles.ingestUrl, token: roles.token }],
    nats: {
      client: natsAccess(home.state, 'client', nats.urls),
      admin: natsAccess(home.state, 'admin', nats.urls),
    },
    postgres: { primaryUrl: postgres.pair.primary.url, replicaUrl: postgres.pair.replica.url },
    simulator: { url: simulator.url, effectLog: simulator.effectLog },
    editors: simulator.editors,
    partitions: PARTITIONS,
    processes: [...nats.processes, ...postgres.processes, simulator.process, ...roles.processes],
    wires: roles.wires,
    disk,
    routes: nats.routes,
    logLeader: () => observer.logLeader().catch(() => undefined),
    history: options.history,
    recovered: (recovery) => {
      recoveries.push(recovery);
    },
    observer,
    recoveries,
    stop,
  };
}

async function startServers(
  home: Home,
  options: SystemOptions,
  observer: () => NatsObserver,
  stops: (() => Promise<void>)[],
  signal: AbortSignal,
): Promise<[NatsFleet, Postgres, Simulator]> {
  const { history, onProgress } = options;
  const nowhere = { observer, primaryUrl: '', replicaUrl: '', simulatorUrl: '' };
  const startNats = options.cluster ? startThreeNats : startOneNats;
  const started = await Promise.allSettled([
    startNats({ home, history, onProgress, watchRecovery: recoveryWatch('nats', nowhere) }).then((fleet) => {
      stops.push(() => fleet.stop());
      return fleet;
    }),
    startPostgres(home, options, stops),
    startSimulator(home, options, stops, signal),
  ]);
  const [nats, postgres, simulator] = started;
  if (nats.status === 'rejected') throw nats.reason;
  if (postgres.status === 'rejected') throw postgres.reason;
  if (simulator.status === 'rejected') throw simulator.reason;
  return [nats.value, postgres.value, simulator.value];
}

async function startPostgres(
  home: Home,
  { history, onProgress }: SystemOptions,
  stops: (() => Promise<void>)[],
): Promise<Postgres> {
  const managed = new Map<string, ManagedProcess>();
  const pair = await startPostgresPair({
    home,
    onProgress,
    onExit: (exit) => managed.get(exit.name)?.onExit(exit),
    onRestart: (name) => managed.get(name)?.onRestart(),
    onReseeded: () =>
      history.write({ kind: 'note', text: 'the standby had lost its place and was seeded anew' }),
  });
  stops.push(() => pair.stop());
  const eyes: RecoveryEyes = {
    observer: () => {
      throw new Error('Postgres is not asked by NATS');
    },
    primaryUrl: pair.primary.url,
    replicaUrl: pair.replica.url,
    simulatorUrl: '',
  };
  const primary = new ManagedProcess({
    name: 'postgres',
    kind: 'postgres',
    daemon: pair.primary,
    history,
    watchRecovery: recoveryWatch('postgres', eyes),
  });
  const standby = new ManagedProcess({
    name: 'standby',
    kind: 'standby',
    daemon: pair.replica,
    history,
    watchRecovery: recoveryWatch('standby', eyes),
  });
  managed.set('postgres', primary).set('replica', standby);
  return { pair, processes: [primary, standby] };
}

async function startSimulator(
  home: Home,
  { history }: SystemOptions,
  stops: (() => Promise<void>)[],
  signal: AbortSignal,
): Promise<Simulator> {
  const port = await rememberedPort(home.state, 'simulatorPort');
  const url = `http://127.0.0.1:${port}`;
  const stateDir = home.stateDir('unity');
  let managed: ManagedProcess | undefined;
  const daemon = createSimulator({
    stateDir,
    port,
    editors: EDITORS,
    runDir: home.runDir,
    logFile: join(home.stateDir('logs'), 'simulator.log'),
    onExit: (exit) => managed?.onExit(exit),
    onRestart: () => managed?.onRestart(),
  });
  stops.push(() => daemon.stop());
  const watch = recoveryWatch('simulator', {
    observer: () => {
      throw new Error('the simulator is not asked by NATS');
    },
    primaryUrl: '',
    replicaUrl: '',
    simulatorUrl: url,
  });
  managed = new ManagedProcess({
    name: 'simulator',
    kind: 'simulator',
    daemon,
    history,
    watchRecovery: watch,
  });
  await managed.start(signal);
  return {
    url,
    port,
    effectLog: join(stateDir, 'effects.jsonl'),
    editors: await simulatedEditors(url),
    process: managed,
  };
}

/** As `spark start` does it: the schema, and a password for each role. Roles beside it only find them. */
async function prepareDatabase(home: Home, { pair }: Postgres): Promise<void> {
  const { primary, replica } = pair;
  await migrate({ adminUrl: primary.url, dir: join(repositoryRoot(), 'migrations') });
  const { postgres } = partsFor(home.state, {
    nats: '',
    primary: primary.url,
    replica: replica.url,
    unityMcp: '',
  });
  const admin = createPool({ url: primary.url, applicationName: 'spark_chaos', maxConnections: 1 });
  try {
    await setRolePasswords(admin, postgres.passwords);
  } finally {
    await admin.end();
  }
}
