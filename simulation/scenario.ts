import { commandIdOfRequest } from '../src/commands/envelope.js';
import { checkAll } from './checker/checkAll.js';
import { undoEverything } from './checker/undoEverything.js';
import { partitionsOf } from './editors.js';
import { heal, unleash } from './faults.js';
import { takeGlobals } from './kernel/globals.js';
import { Kernel, StuckError } from './kernel/kernel.js';
import { RequestTimeoutError } from './kernel/network.js';
import { EPOCH_MS, Process } from './kernel/process.js';
import { Random } from './kernel/random.js';
import { Trace } from './kernel/trace.js';
import { SHAPES, type Shape, type Size, sizeOf } from './size.js';
import type { WorkerProcess } from './workers/workerProcess.js';
import { type Plan, type Publish, planOf, wireOf } from './workload.js';
import { World } from './world.js';

export interface SeedResult {
  readonly seed: number;
  readonly size: Size;
  readonly violations: readonly string[];
  /** Over the whole trace: equal for every run of the seed. */
  readonly digest: string;
  readonly events: number;
  readonly commands: number;
  /** Virtual. */
  readonly tookMs: number;
  /** Only when it was asked for. */
  readonly trace: readonly string[];
}

/** What was accepted must have ended this long after everything is well again (I2). */
const SETTLE_MS = 120_000;
const MAX_EVENTS = 200_000;
const COORDINATE_MS = 250;
/** How long after the last of its causes a late effect may still come. */
const LINGER_MS = 150;

/** Runs one seed from the beginning to the checks. Never throws: what breaks is a violation. Same seed and size: same run. */
export async function runSeed(
  seed: number,
  keepTrace = false,
  size: Size = sizeOf(seed),
): Promise<SeedResult> {
  const random = new Random(seed);
  const kernel = new Kernel(random.fork(), new Trace(keepTrace));
  const giveBack = takeGlobals(kernel);
  const world = new World(kernel);
  const { history } = world;
  try {
    await play(world, random, size);
  } catch (error) {
    history.violations.push(storyOf(error, world));
  } finally {
    giveBack();
  }
  const { trace } = kernel;
  return {
    seed,
    size,
    violations: history.violations,
    digest: trace.digest,
    events: kernel.events,
    commands: history.items.length,
    tookMs: kernel.nowMs,
    trace: trace.lines,
  };
}

async function play(world: World, random: Random, size: Size): Promise<void> {
  const { kernel, history } = world;
  const shape = SHAPES[size];
  const editors = shape.editors.length === 1 ? (shape.editors[0] ?? []) : random.pick(shape.editors);
  setStage(world, random, shape, editors);
  const undoAll = random.chance(shape.undoShare);
  const healMs = random.pick(shape.healMs);
  const lastPublishMs = publishAll(world, planOf(random.fork(), size, editors));
  const lastFaultMs = unleash(world, random.fork(), healMs, size);
  // Once everything has been tried and all is answered, there is nothing to wait for.
  const begunMs = Math.max(lastPublishMs, lastFaultMs) + LINGER_MS;
  const isAnswered = (): boolean => world.sending === 0 && history.open.size === 0;
  const isDone = (): boolean => kernel.nowMs >= healMs || (kernel.nowMs >= begunMs && isAnswered());
  await kernel.run(isDone, { untilMs: healMs + SETTLE_MS, events: MAX_EVENTS });
  heal(world);
  // Who was stopped has woken meanwhile, and tried what it had begun.
  let quietFromMs = kernel.nowMs + LINGER_MS;
  const isQuiet = (): boolean =>
    kernel.nowMs >= Math.max(quietFromMs, world.network.lateUntilMs) && isAnswered() && isLevel(world);
  const settle = async (): Promise<void> => {
    await kernel.run(isQuiet, { untilMs: kernel.nowMs + SETTLE_MS, events: MAX_EVENTS });
    quietFromMs = 0;
  };
  await settle();
  if (undoAll) await undoEverything(world, settle);
  checkAll(world);
}

/** Every fact is projected, and nothing is under way in an editor. */
function isLevel({ log, database, editors }: World): boolean {
  if (database.checkpoint < log.lastSeq * 1_024) return false;
  for (const editor of editors.values()) if (!editor.quiet) return false;
  return true;
}

function setStage(world: World, random: Random, shape: Shape, editors: readonly string[]): void {
  for (const editor of world.editors.values()) {
    if (random.chance(0.6))
      editor.humanWrites('Assets/A.cs', Buffer.from(`class First { } // ${editor.name}\n`));
    world.history.initial.set(editor.name, new Map(editor.files));
  }
  world.effects.splice(0);
  for (let at = random.pick(shape.workers); at > 0; at--) world.startWorker();
  for (let at = random.pick(shape.projectors); at > 0; at--) world.startProjector();
  for (const partition of partitionsOf(editors))
    world.wishes.set(partition, world.workers[partition % world.workers.length]);
  const lookAfter = (): void => {
    coordinate(world, random);
    world.kernel.after(COORDINATE_MS, lookAfter);
  };
  world.kernel.after(COORDINATE_MS, lookAfter);
}

/** Whose owner does not run gets another: as coarse as leases are, and as wrong as they may be. */
function coordinate({ workers, wishes }: World, random: Random): void {
  const isUp = (worker: WorkerProcess | undefined): boolean => worker?.process.state === 'running';
  const up = workers.filter(isUp);
  if (up.length === 0) return;
  for (const [partition, owner] of wishes) if (!isUp(owner)) wishes.set(partition, random.pick(up));
}

/** Answers when the last of them is sent. */
function publishAll(world: World, plan: Plan): number {
  const { kernel, network, commands, cancels } = world;
  const client = new Process('client', kernel);
  const send = async (publish: Publish, name: string): Promise<void> => {
    for (let attempt = 0; attempt < 30; attempt++) {
      const { partition, subject, data, headers, messageId } = wireOf(publish, name);
      try {
        await network.request(client, 400, () =>
          commands.publish(partition, subject, data, headers, messageId),
        );
        return;
      } catch (error) {
        if (!(error instanceof RequestTimeoutError)) throw error;
      }
    }
  };
  for (const [at, publish] of plan.publishes.entries())
    kernel.after(publish.atMs, () => {
      world.sending++;
      void send(publish, `client-${at}`).finally(() => world.sending--);
    });
  for (const { atMs, of } of plan.cancels) {
    const commandId = commandIdOfRequest(of);
    if (commandId === undefined) continue;
    kernel.after(atMs, () =>
      cancels.add({
        commandId,
        reason: null,
        actor: 'ann',
        at: new Date(EPOCH_MS + kernel.nowMs).toISOString(),
      }),
    );
  }
  return plan.publishes.at(-1)?.atMs ?? 0;
}

function storyOf(error: unknown, { history }: World): string {
  if (error instanceof StuckError) {
    const open = [...history.open.values()].map((item) =>
      item.kind === 'command' ? `${item.command.type} ${item.command.commandId}` : `a refused publish`,
    );
    return `I2: ${error.message}; open: ${open.join(', ') || 'nothing (the projection, or an editor)'}`;
  }
  return `the simulation broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
