import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParkedLane } from '../../src/workers/lanes/parkedLane.js';
import type { Task } from '../../src/workers/lanes/task.js';
import type { ParkedBatch } from '../../src/workers/ports.js';
import { aCommand, aTask } from '../support/commandFixtures.js';
import { MemoryParking } from '../support/memoryStreams.js';

const EDITOR = 'left';
const placeOf = (seq: number) => ({ seq, index: 0 });
const task = (seq: number) => aTask(aCommand({ seq, editor: EDITOR }));
const fetchedTask = (seq: number, parkedSeq = seq): Task => ({
  ...task(seq),
  origin: { kind: 'parked', parkedSeq },
});
const errors: unknown[] = [];
const owner = async (): Promise<void> => undefined;
const laneOf = (parking: MemoryParking, stillOwner = owner) =>
  new ParkedLane(EDITOR, parking, stillOwner, (error) => errors.push(error));
const seqsOf = (batches: readonly ParkedBatch[]) =>
  batches.map(({ commands }) => commands.map(({ position }) => position.seq));
async function fetchOf(lane: ParkedLane, wants?: (sessionId: string) => boolean): Promise<ParkedBatch[]> {
  const batches: ParkedBatch[] = [];
  expect(await lane.fetch((batch) => batches.push(batch), wants)).toBe(batches.length);
  return batches;
}
/** Batches of one command each: stored one after the other. */
async function stored(parking: MemoryParking, count: number): Promise<ParkedLane> {
  const lane = laneOf(parking);
  for (let seq = 1; seq <= count; seq++) await lane.store(task(seq));
  return lane;
}

describe('the parked part of a lane', () => {
  it('given nothing parked, is out of the way', () => {
    const lane = laneOf(new MemoryParking());
    expect([lane.active, lane.hasMore]).toEqual([false, false]);
  });

  it('given commands at once, stores them together and in order; is in the way until they are fetched', async () => {
    const parking = new MemoryParking();
    const lane = laneOf(parking);
    const storing = [1, 2, 3].map((seq) => lane.store(task(seq)));
    expect(lane.active).toBe(true);
    await Promise.all(storing);
    expect([parking.batches.length, lane.active, lane.hasMore]).toEqual([1, true, true]);
    expect(seqsOf(await fetchOf(lane))).toEqual([[1, 2, 3]]);
    expect([lane.active, lane.hasMore]).toEqual([false, false]);
  });

  it('given commands that do not need the editor any more, however far they are, hands them out without those that do', async () => {
    const parking = new MemoryParking();
    const isBegun = ({ position }: { position: { seq: number } }) => position.seq === 2;
    const useOf = (command: { position: { seq: number } }) => (isBegun(command) ? 'beside' : 'exclusive');
    const make = () =>
      new ParkedLane(
        EDITOR,
        parking,
        owner,
        (error) => errors.push(error),
        () => true,
        useOf,
      );
    const first = make();
    for (const seq of [1, 2])
      await first.store(aTask(aCommand({ seq, editor: EDITOR, sessionId: `s${seq}` })));
    const next = make();
    for (const batch of await parking.read(EDITOR, 0, 9)) next.found(batch);
    for (const lane of [first, next]) {
      const batches: ParkedBatch[] = [];
      await lane.fetch(
        (batch) => batches.push(batch),
        () => true,
        'beside',
      );
      expect(seqsOf(batches)).toEqual([[2]]);
    }
  });

  it('splits what does not fit one message', async () => {
    const parking = new MemoryParking();
    const lane = laneOf(parking);
    await Promise.all(Array.from({ length: 250 }, (_, at) => lane.store(task(at + 1))));
    expect(parking.batches.map(({ json }) => (JSON.parse(json) as []).length)).toEqual([100, 100, 50]);
    const big = { name: 'A', path: 'Assets/A.cs', code: 'x'.repeat(200_000) };
    const large = laneOf(parking);
    await Promise.all(
      [1, 2, 3].map((seq) =>
        large.store(aTask(aCommand({ seq: 1_000 + seq, editor: EDITOR, payload: big }))),
      ),
    );
    expect(parking.batches.slice(3).every(({ json }) => json.length < 700_000)).toBe(true);
  });

  it('given a parking that fails, says so to each that waited, and works again later', async () => {
    const parking = new MemoryParking();
    const lane = laneOf(parking);
    parking.failing = true;
    const results = await Promise.allSettled([lane.store(task(1)), lane.store(task(2))]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    parking.failing = false;
    await lane.store(task(3));
    expect(seqsOf(await fetchOf(lane))).toEqual([[3]]);
  });

  it('given that another worker has taken over, says nothing of its commands as stored', async () => {
    const lane = laneOf(new MemoryParking(), () => Promise.reject(new Error('fenced')));
    await expect(lane.store(task(1))).rejects.toThrow('fenced');
  });

  it('given a batch that is stored and not yet told as stored, does not read it before it is', async () => {
    const parking = new MemoryParking();
    let confirm: () => void = () => undefined;
    const told = [Promise.resolve(), new Promise<void>((resolve) => (confirm = resolve))];
    const lane = laneOf(parking, async () => told.shift());
    await lane.store(task(1));
    const second = lane.store(task(2));
    while (parking.batches.length < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(seqsOf(await fetchOf(lane))).toEqual([[1]]);
    confirm();
    await second;
    expect(seqsOf(await fetchOf(lane))).toEqual([[2]]);
  });

  it('releases a place only once all before it have ended', async () => {
    const parking = new MemoryParking();
    const lane = await stored(parking, 8);
    await fetchOf(lane);
    await fetchOf(lane);
    for (const seq of [2, 3, 4, 5]) lane.ended(seq, placeOf(seq));
    expect(parking.batches.map(({ parkedSeq }) => parkedSeq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const seq of [1, 6, 7, 8]) lane.ended(seq, placeOf(seq));
    expect(parking.batches).toEqual([]);
    expect(lane.idle).toBe(true);
  });

  it('opened after a restart, begins at its oldest', async () => {
    const parking = new MemoryParking();
    await stored(parking, 3);
    const lane = laneOf(parking);
    for (const batch of await parking.read(EDITOR, 0, 16)) lane.found(batch);
    expect(lane.active).toBe(true);
    expect(seqsOf(await fetchOf(lane))).toEqual([[1], [2], [3]]);
  });

  it('given commands back unexecuted, fetches them again', async () => {
    const parking = new MemoryParking();
    const lane = await stored(parking, 4);
    await fetchOf(lane);
    lane.ended(1, placeOf(1));
    lane.putBack([3, 2, 4].map((seq) => fetchedTask(seq)));
    lane.putBack([]);
    expect(lane.hasMore).toBe(true);
    expect(seqsOf(await fetchOf(lane))).toEqual([[2], [3], [4]]);
  });

  it('given an end told twice around a put-back, keeps the place of what has not ended', async () => {
    const parking = new MemoryParking();
    const lane = laneOf(parking);
    await Promise.all([lane.store(task(1)), lane.store(task(2))]);
    const [batch] = await fetchOf(lane);
    const seq = batch?.parkedSeq ?? 0;
    // The first runs while the second goes back; the batch comes again, where the first is known to have ended.
    lane.putBack([fetchedTask(2, seq)]);
    await fetchOf(lane);
    lane.ended(seq, placeOf(1));
    lane.ended(seq, placeOf(1));
    expect(parking.batches).toHaveLength(1);
    lane.ended(seq, placeOf(2));
    expect(parking.batches).toHaveLength(0);
  });

  it('given a session with a backlog, keeps it in batches of its own: another one is fetched beside it, in turn', async () => {
    const parking = new MemoryParking();
    const lane = laneOf(parking);
    const of = (seq: number, sessionId: string) => aTask(aCommand({ seq, editor: EDITOR, sessionId }));
    await Promise.all(Array.from({ length: 950 }, (_, at) => lane.store(of(at + 1, 'flood'))));
    await Promise.all([
      lane.store(of(951, 'flood')),
      lane.store(of(952, 'meek')),
      lane.store(of(953, 'flood')),
    ]);
    expect([lane.holds('flood'), lane.holds('meek'), lane.holds('nobody')]).toEqual([true, true, false]);
    const first = (await fetchOf(lane)).flatMap(({ commands }) =>
      commands.map(({ position }) => position.seq),
    );
    expect(first).toContain(952);
    expect(first.filter((seq) => seq !== 952)).toEqual(
      Array.from({ length: first.length - 1 }, (_, at) => at + 1),
    );
    expect([lane.holds('flood'), lane.holds('meek')]).toEqual([true, false]);
    expect(await fetchOf(lane, (sessionId) => sessionId === 'meek')).toEqual([]);
  });

  it('scans what is stored and not fetched of a session, each batch once, until enough is seen', async () => {
    const lane = await stored(new MemoryParking(), 3);
    const { command } = task(2);
    const seen: number[] = [];
    const look = async (batch: ParkedBatch) => {
      seen.push(batch.parkedSeq);
      return batch.commands.some(({ commandId }) => commandId === command.commandId);
    };
    expect([await lane.scan([command.sessionId, command.sessionId], look), seen]).toEqual([true, [1, 2]]);
    await lane.scan(['another'], look);
    await fetchOf(lane);
    await lane.scan([command.sessionId], look);
    expect(seen).toEqual([1, 2]);
  });

  it('whatever is stored, fetched, put back and ended, loses nothing, and hands out in order', async () => {
    const move = fc.constantFrom('store', 'fetch', 'end', 'putBack');
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 60 }), async (moves) => {
        const parking = new MemoryParking();
        const lane = laneOf(parking);
        const ended = new Set<number>();
        let held: { parkedSeq: number; seq: number }[] = [];
        let last = 0;
        for (const [at, next] of [...moves, 'fetch', 'fetch'].entries()) {
          if (next === 'store')
            await Promise.all([lane.store(task(++last)), ...(at % 2 ? [lane.store(task(++last))] : [])]);
          if (next === 'fetch')
            for (const { parkedSeq, commands } of await fetchOf(lane))
              for (const { position } of commands)
                if (ended.has(position.seq)) lane.ended(parkedSeq, position);
                else held.push({ parkedSeq, seq: position.seq });
          if (next === 'end') {
            const [first] = held;
            if (!first) continue;
            held = held.slice(1);
            ended.add(first.seq);
            lane.ended(first.parkedSeq, placeOf(first.seq));
          }
          if (next === 'putBack') {
            lane.putBack(held.map(({ parkedSeq, seq }) => fetchedTask(seq, parkedSeq)));
            held = [];
          }
          expect(held.map(({ seq }) => seq)).toEqual(held.map(({ seq }) => seq).toSorted((a, b) => a - b));
          const kept = parking.batches.flatMap(({ json }) =>
            (JSON.parse(json) as { position: { seq: number } }[]).map(({ position }) => position.seq),
          );
          for (let seq = 1; seq <= last; seq++) if (!ended.has(seq)) expect(kept).toContain(seq);
        }
      }),
      { numRuns: 200 },
    );
  });
});
