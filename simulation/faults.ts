import { FAULT_POINTS } from '../src/workers/execute/executeContext.js';
import type { Random } from './kernel/random.js';
import { SHAPES, type Size } from './size.js';
import { NO_FAULTS } from './unity/editor.js';
import type { WorkerProcess } from './workers/workerProcess.js';
import type { World } from './world.js';

const HOUR_MS = 3_600_000;

/** Something that goes wrong, some time before the world heals. */
type Fault = (world: World, random: Random, healMs: number) => void;

const someWorker = (world: World, random: Random): WorkerProcess | undefined => {
  const alive = world.workers.filter(({ process }) => process.state === 'running');
  return alive.length === 0 ? undefined : random.pick(alive);
};

/** kill -9; another one comes a little later. */
function killed(world: World, random: Random, worker: WorkerProcess): void {
  world.trace(worker.process, 'killed');
  worker.process.kill();
  world.kernel.after(random.between(20, 600), () => world.startWorker());
}

const killWorker: Fault = (world, random) => {
  const worker = someWorker(world, random);
  if (worker) killed(world, random, worker);
};

/** Dies or freezes right where the code says that it matters. */
const atFaultPoint: Fault = (world, random, healMs) => {
  const wanted = random.pick(FAULT_POINTS);
  const kill = random.chance(0.6);
  let count = random.between(1, 3);
  world.onFaultPoint = (process, name) => {
    if (name !== wanted || process.state !== 'running' || world.kernel.nowMs > healMs || --count > 0) return;
    world.onFaultPoint = undefined;
    const worker = world.workers.find((one) => one.process === process);
    if (!worker) return;
    if (kill) killed(world, random, worker);
    else stopped(world, random, worker, healMs);
  };
};

function stopped(world: World, random: Random, worker: WorkerProcess, healMs: number): void {
  const { process } = worker;
  world.trace(process, 'stopped');
  process.stop();
  const forMs = Math.min(random.between(100, 2_500), Math.max(1, healMs - world.kernel.nowMs));
  world.kernel.after(forMs, () => {
    if (process.state === 'stopped') world.trace(process, 'goes on');
    process.go();
  });
}

const stopWorker: Fault = (world, random, healMs) => {
  const worker = someWorker(world, random);
  if (worker) stopped(world, random, worker, healMs);
};

const moveWishes: Fault = (world, random) => {
  for (let move = random.between(1, 3); move > 0; move--)
    world.kernel.after(random.between(0, 600), () => {
      world.wishes.set(random.pick([...world.wishes.keys()]), someWorker(world, random));
    });
};

const leaveAndJoin: Fault = (world, random) => {
  const worker = someWorker(world, random);
  if (random.chance(0.7)) world.startWorker();
  if (worker && world.workers.filter(({ process }) => process.alive).length > 1) worker.leave();
};

const cutWorker: Fault = (world, random) => {
  const worker = someWorker(world, random);
  if (!worker) return;
  const forMs = random.between(50, 1_500);
  world.network.cut(worker.process, world.kernel.nowMs + forMs);
  world.kernel.after(forMs + random.between(1, 100), () => worker.reconnected());
};

const serverDown: Fault = (world, random) => {
  const forMs = random.between(50, 1_200);
  world.network.down(world.kernel.nowMs + forMs);
  if (random.chance(0.5)) forgetIds(world, random, 0);
  world.kernel.after(forMs + random.between(1, 100), () => {
    for (const worker of world.workers) worker.reconnected();
  });
};

const lossy: Fault = (world, random) => {
  world.network.lossRate = random.pick([0.02, 0.1, 0.3]);
  world.kernel.after(random.between(200, 1_500), () => {
    world.network.lossRate = 0;
  });
};

const slow: Fault = (world, random) => {
  world.network.delayRate = random.pick([0.05, 0.3]);
  world.network.maxDelayMs = random.pick([50, 1_000, 3_500]);
  world.kernel.after(random.between(200, 1_500), () => {
    world.network.delayRate = 0;
  });
};

const lateCalls: Fault = (world, random) => {
  world.network.lateCalls = random.between(1, 3);
  world.network.maxLateMs = random.pick([800, 2_500, 4_000]);
};

const forgetIds: Fault = (world) => {
  world.commands.stream.forgetIds();
  for (const stream of world.streams.values()) stream.forgetIds();
};

const redeliver: Fault = (world) => world.commands.redeliverAll();

const killGate: Fault = (world, random) => {
  world.killGate();
  world.kernel.after(random.between(10, 500), () => {
    if (!world.gate) world.startGate();
  });
};

const stopGate: Fault = (world, random) => {
  const process = world.gate?.process;
  process?.stop();
  world.kernel.after(random.between(100, 3_000), () => process?.go());
};

const editorTrouble: Fault = (world, random) => {
  const editor = random.pick([...world.editors.values()]);
  const of = (most: number): number => (random.chance(0.5) ? random.next() * most : 0);
  editor.faults = {
    lostReply: of(0.5),
    lostCall: of(0.3),
    ghost: of(0.5),
    reloadBefore: of(0.3),
    reloadAfter: of(0.3),
    falseSuccess: of(0.2),
    notExecuted: of(0.3),
  };
  world.kernel.after(random.between(300, 2_500), () => {
    editor.faults = NO_FAULTS;
  });
};

/** Calls are taken and not answered: most are lost, some run later. */
const deafEditor: Fault = (world, random) => {
  const editor = random.pick([...world.editors.values()]);
  editor.faults = { ...NO_FAULTS, lostCall: 0.7, ghost: 0.3 };
  world.kernel.after(random.between(300, 2_500), () => {
    editor.faults = NO_FAULTS;
  });
};

const editorAway: Fault = (world, random) => {
  const editor = random.pick([...world.editors.values()]);
  const forMs = random.between(100, 2_500);
  if (random.chance(0.5)) editor.reload(forMs);
  else editor.leave(forMs);
};

const human: Fault = (world, random) => {
  const editor = random.pick([...world.editors.values()]);
  const path = random.pick(['Assets/A.cs', 'Assets/B.cs']);
  const text = random.chance(0.85) ? `// by hand ${random.between(0, 1e9)}\n` : null;
  editor.humanWrites(path, text === null ? null : Buffer.from(text));
};

const clockJump: Fault = (world, random) => {
  const worker = someWorker(world, random);
  if (worker) worker.process.wallOffsetMs = random.between(-HOUR_MS, HOUR_MS);
};

const killProjector: Fault = (world, random) => {
  const [projector] = world.projectors.filter(({ process }) => process.alive);
  if (random.chance(0.5)) projector?.process.kill();
  world.kernel.after(random.between(0, 300), () => world.startProjector());
};

/** Those that matter most come more often. */
const FAULTS: readonly Fault[] = [
  ...[
    killWorker,
    killWorker,
    atFaultPoint,
    atFaultPoint,
    atFaultPoint,
    stopWorker,
    stopWorker,
    moveWishes,
    moveWishes,
  ],
  ...[leaveAndJoin, cutWorker, serverDown, lossy, slow, forgetIds, redeliver, killGate, stopGate],
  ...[editorTrouble, editorTrouble, editorTrouble, editorAway, human, clockJump, killProjector],
];

/** Those that bring something late, or let two clocks differ. */
const DUEL_FAULTS: readonly Fault[] = [
  ...[lateCalls, lateCalls, lateCalls, lateCalls, editorTrouble, deafEditor, deafEditor, deafEditor],
  ...[killWorker, stopWorker, atFaultPoint, atFaultPoint, moveWishes, killGate, stopGate],
  ...[clockJump, clockJump, clockJump, clockJump, clockJump, clockJump],
];

/** Sets the seed's faults: none in a few seeds, mostly one to three, all before the world heals. Answers when the last one comes. */
export function unleash(world: World, random: Random, healMs: number, size: Size): number {
  const count = random.pick(SHAPES[size].faults);
  let lastMs = 0;
  for (let at = 0; at < count; at++) {
    const fault = random.pick(size === 'duel' ? DUEL_FAULTS : FAULTS);
    const atMs = random.chance(0.3) ? 0 : random.between(0, healMs * 0.6);
    lastMs = Math.max(lastMs, atMs);
    world.kernel.after(atMs, () => {
      world.kernel.trace.add(world.kernel.nowMs, 'nemesis', fault.name);
      fault(world, random, healMs);
    });
  }
  return lastMs;
}

/** Everything is as it should be again: whoever is stopped goes on, the network is whole, somebody is there for each part. */
export function heal(world: World): void {
  const { network, kernel } = world;
  kernel.trace.add(kernel.nowMs, 'nemesis', 'heals');
  world.onFaultPoint = undefined;
  network.heal();
  for (const editor of world.editors.values()) editor.faults = NO_FAULTS;
  for (const { process } of [...world.workers, ...world.projectors]) process.go();
  world.gate?.process.go();
  if (!world.gate) world.startGate();
  if (!world.workers.some(({ process }) => process.alive)) world.startWorker();
  if (!world.projectors.some(({ process }) => process.alive)) world.startProjector();
  for (const worker of world.workers) worker.reconnected();
}
