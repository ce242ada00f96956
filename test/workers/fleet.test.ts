import { afterEach, describe, expect, it } from 'vitest';
import { partitionOf } from '../../src/streams/subjects.js';
import { Fleet } from '../../src/workers/fleet/fleet.js';
import { Worker } from '../../src/workers/worker.js';
import { eventually } from '../support/autoClock.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { MemoryBoard } from '../support/memoryBoard.js';
import { aWorker, RIG_LIMITS, WorkerWorld } from '../support/workerRig.js';

const PARTITIONS = RIG_LIMITS.partitions;
const LEFT = editorOf(0);
const RIGHT = editorOf(1);

function editorOf(partition: number): string {
  const names = Array.from({ length: 100 }, (_, n) => `editor-${n}`);
  return names.find((name) => partitionOf(name, PARTITIONS) === partition) ?? 'none';
}

interface Running {
  readonly fleet: Fleet;
  readonly worker: Worker;
  readonly reasons: (string | undefined)[];
}
const running: Running[] = [];
afterEach(async () => {
  for (const { fleet } of running.splice(0)) await fleet.stop();
});

async function join(world: WorkerWorld, board: MemoryBoard, workerId: string, gate = 'g'): Promise<Running> {
  const { deps } = await aWorker(world, { start: false });
  const worker = new Worker(deps);
  const reasons: (string | undefined)[] = [];
  const nothing = (): void => undefined;
  const fleet = new Fleet({
    workerId,
    gate,
    partitions: PARTITIONS,
    beatMs: 10,
    leaveMs: 1_000,
    board,
    worker,
    clock: world.clock,
    listener: { taken: nothing, given: nothing, warn: nothing, standsBy: (reason) => reasons.push(reason) },
  });
  deps.listener.lost = () => void fleet.restart();
  await fleet.start();
  const joined = { fleet, worker, reasons };
  running.push(joined);
  return joined;
}

const ownedBy = ({ worker }: Running): number[] => [...worker.claims.keys()].sort();
const shared = (...workers: Running[]) => workers.flatMap(ownedBy).sort();

describe('a fleet of workers', () => {
  it('given one, it owns everything; given another, they share, and nothing is done twice or out of order', async () => {
    const [world, board] = [new WorkerWorld(), new MemoryBoard()];
    const first = await join(world, board, 'first');
    expect(ownedBy(first)).toEqual([0, 1]);
    const publish = (n: number) =>
      world.publish({ editor: n % 2 ? LEFT : RIGHT, payload: scriptPayload(`Assets/N${n}.cs`) });
    for (let n = 0; n < 40; n++) publish(n);
    const second = await join(world, board, 'second');
    await eventually(() => ownedBy(first).length === 1 && ownedBy(second).length === 1, 'an even share');
    expect(shared(first, second)).toEqual([0, 1]);
    for (let n = 40; n < 80; n++) publish(n);
    await world.settled();
    for (const editor of [LEFT, RIGHT]) {
      const numbers = world.gate.effects.flatMap(({ editor: at, path }) =>
        at === editor ? [Number(/\d+/.exec(path)?.[0])] : [],
      );
      expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
      expect(numbers).toHaveLength(40);
    }
    expect(world.ends).toHaveLength(80);
  });

  it('given one that leaves, the other owns everything, knowing all that was done', async () => {
    const [world, board] = [new WorkerWorld(), new MemoryBoard()];
    const first = await join(world, board, 'first');
    world.publish({ key: 'k', editor: LEFT });
    await world.settled();
    const second = await join(world, board, 'second');
    await first.fleet.stop();
    await eventually(() => ownedBy(second).length === PARTITIONS, 'the other to own all');
    world.publish({ key: 'k', editor: LEFT });
    await world.settled();
    expect([world.gate.effects.length, world.ends.length]).toEqual([1, 1]);
  });

  it('given one that dies without a word, the other takes over what it had begun: one effect, one end', async () => {
    const [world, board] = [new WorkerWorld(), new MemoryBoard()];
    await join(world, board, 'first');
    let resume: (() => void) | undefined;
    world.gate.onCall = () =>
      resume
        ? undefined
        : new Promise<void>((resolve) => {
            resume = resolve;
          });
    world.publish({ editor: LEFT, key: 'k' });
    await eventually(() => resume !== undefined, 'a call of the first');
    board.dead.add('first');
    const second = await join(world, board, 'second');
    await eventually(() => ownedBy(second).length === PARTITIONS, 'the other to own all');
    await world.settled();
    resume?.();
    expect([world.gate.effects.length, world.ends.length]).toEqual([1, 1]);
  });

  it('given a board that is away, nobody is taken for dead', async () => {
    const [world, board] = [new WorkerWorld(), new MemoryBoard()];
    const [first, second] = [await join(world, board, 'first'), await join(world, board, 'second')];
    await eventually(() => ownedBy(second).length === 1 && ownedBy(first).length === 1, 'an even share');
    board.away = true;
    const claims = [...first.worker.claims, ...second.worker.claims];
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([...first.worker.claims, ...second.worker.claims]).toEqual(claims);
    board.away = false;
  });

  it('given a worker with another gate, it stands by and says why; when the first leaves, it works', async () => {
    const [world, board] = [new WorkerWorld(), new MemoryBoard()];
    const first = await join(world, board, 'first', 'one');
    const second = await join(world, board, 'second', 'another');
    expect([ownedBy(first).length, ownedBy(second).length]).toEqual([PARTITIONS, 0]);
    expect(second.reasons.at(-1)).toMatch(/another gate \(one\).*SPARK_GATE_URL/);
    await first.fleet.stop();
    await eventually(() => ownedBy(second).length === PARTITIONS, 'the other to own all');
    expect(second.reasons.at(-1)).toBeUndefined();
  });

  it('given one key for editors of two partitions at the same moment, one is executed and the other refused', async () => {
    const [world, board] = [new WorkerWorld(), new MemoryBoard()];
    const [first, second] = [await join(world, board, 'first'), await join(world, board, 'second')];
    await eventually(() => ownedBy(second).length === 1 && ownedBy(first).length === 1, 'an even share');
    for (let n = 0; n < 20; n++) {
      world.publish({ editor: LEFT, key: `k${n}`, payload: scriptPayload(`Assets/N${n}.cs`) });
      world.publish({ editor: RIGHT, key: `k${n}`, payload: scriptPayload(`Assets/N${n}.cs`) });
    }
    await world.settled();
    expect(world.gate.effects).toHaveLength(20);
    expect(new Set(world.gate.effects.map(({ path }) => path)).size).toBe(20);
    const outcomes = world.ends.map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'completed')).toHaveLength(20);
    expect(outcomes.filter((outcome) => outcome === 'rejected')).toHaveLength(20);
    expect(world.letters.letters.map(({ reason }) => reason)).toEqual(Array(20).fill('idempotency_mismatch'));
  });

  it('given a session over editors of two workers, undo takes its newest operation, wherever it was', async () => {
    const [world, board] = [new WorkerWorld(), new MemoryBoard()];
    const [first, second] = [await join(world, board, 'first'), await join(world, board, 'second')];
    await eventually(() => ownedBy(second).length === 1 && ownedBy(first).length === 1, 'an even share');
    const session = 'session-1';
    world.publish({ editor: LEFT, sessionId: session, payload: scriptPayload('Assets/Left.cs') });
    await world.settled();
    world.publish({ editor: RIGHT, sessionId: session, payload: scriptPayload('Assets/Right.cs') });
    await world.settled();
    world.publish({ editor: LEFT, sessionId: session, type: 'session.undo', payload: {} });
    await world.settled();
    expect(world.gate.text(RIGHT, 'Assets/Right.cs')).toBeNull();
    expect(world.gate.text(LEFT, 'Assets/Left.cs')).not.toBeNull();
    world.publish({ editor: RIGHT, sessionId: session, type: 'session.undo', payload: {} });
    await world.settled();
    expect(world.gate.text(LEFT, 'Assets/Left.cs')).toBeNull();
    expect(world.ends.map(({ outcome }) => outcome)).toEqual(Array(4).fill('completed'));
  });
});

describe('undos that reach over from two workers at the same moment', () => {
  it('take an operation back once: each has its own, or is told that it came too late', async () => {
    const [world, board] = [new WorkerWorld(), new MemoryBoard()];
    const [first, second] = [await join(world, board, 'first'), await join(world, board, 'second')];
    await eventually(() => ownedBy(second).length === 1 && ownedBy(first).length === 1, 'an even share');
    const sessionId = 'session-1';
    for (let n = 0; n < 20; n++)
      world.publish({ editor: LEFT, sessionId, payload: scriptPayload(`Assets/N${n}.cs`) });
    await world.settled();
    const made = world.gate.effects.length;
    for (let n = 0; n < 10; n++)
      for (const editor of [LEFT, RIGHT])
        world.publish({ editor, sessionId, type: 'session.undo', payload: {} });
    await world.settled();
    const undos = world.ends.filter(({ type }) => type.startsWith('undo.'));
    const done = undos.filter(({ outcome }) => outcome === 'completed');
    const operations = done.map((end) => (end.kind === 'completed' ? end.result.operationId : undefined));
    expect(undos).toHaveLength(20);
    expect(new Set(operations).size).toBe(done.length);
    expect(world.gate.effects.length - made).toBe(done.length);
    for (const { outcome } of undos) expect(['completed', 'conflict']).toContain(outcome);
    expect(done.length).toBeGreaterThanOrEqual(10);
  });
});

describe("a worker that finds out that its partition is another's", () => {
  it('given commands that wait for what the log holds, drops them, begins anew and works again', async () => {
    const [world, board] = [new WorkerWorld(), new MemoryBoard()];
    const [first, second] = [await join(world, board, 'first'), await join(world, board, 'second')];
    await eventually(() => ownedBy(second).length === 1 && ownedBy(first).length === 1, 'an even share');
    const [mine] = ownedBy(first);
    const editor = mine === 0 ? LEFT : RIGHT;
    // Somebody claims it over its head; what it stores from now on is void, and what it waits for never comes.
    await world.logs.claim(mine ?? 0);
    for (let n = 0; n < 5; n++)
      world.publish({ editor, key: `k${n}`, payload: scriptPayload(`Assets/N${n}.cs`) });
    await world.settled();
    expect(world.gate.effects).toHaveLength(5);
    expect(world.ends.map(({ outcome }) => outcome)).toEqual(Array(5).fill('completed'));
    await eventually(() => shared(first, second).length === PARTITIONS, 'all partitions to be owned again');
  });
});
