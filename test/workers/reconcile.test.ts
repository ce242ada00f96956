import { describe, expect, it } from 'vitest';
import { reconcile } from '../../src/workers/ledger/reconcile.js';
import { eventually } from '../support/autoClock.js';
import { BEHAVIOUR } from '../support/memoryGate.js';
import { aWorker, WorkerWorld } from '../support/workerRig.js';

const word = { verdict: 'applied', text: 'the change is there', actor: 'operator' } as const;

/** A command that was called once and whose file is then neither as before nor as intended: its outcome is unknown. */
async function unknownOutcome(world: WorkerWorld): Promise<string> {
  world.gate.script.push(BEHAVIOUR.losesCall);
  world.gate.onCall = () =>
    world.gate.put('default', 'Assets/Player.cs', { bytes: Buffer.from('x'), meta: null });
  world.publish();
  await eventually(() => world.ends.length === 1, 'its end');
  expect(world.ends[0]).toMatchObject({ outcome: 'outcome_unknown' });
  return world.ends[0]?.commandId ?? '';
}

describe('reconcile', () => {
  it('given an unknown outcome, then the word is stored once, by this owner and every later one', async () => {
    const world = new WorkerWorld();
    const { worker } = await aWorker(world);
    const commandId = await unknownOutcome(world);
    const answer = await reconcile(worker, world.clock, { commandId, ...word });
    expect(answer).toMatchObject({ ok: true });
    expect(world.logs.events.at(-1)).toMatchObject({
      kind: 'noted',
      type: 'generate_unity_script.reconciled',
      commandId,
      note: { kind: 'reconciled', ...word },
    });
    const again = { ok: false, code: 'already_reconciled' };
    expect(await reconcile(worker, world.clock, { commandId, ...word })).toMatchObject(again);
    await worker.stop();
    expect(await reconcile(worker, world.clock, { commandId, ...word })).toMatchObject({ code: 'no_worker' });
    const next = await aWorker(world);
    expect(await reconcile(next.worker, world.clock, { commandId, ...word })).toMatchObject(again);
    await next.worker.stop();
  });

  it('given two words at once, then one is stored', async () => {
    const world = new WorkerWorld();
    const { worker } = await aWorker(world);
    const commandId = await unknownOutcome(world);
    const answers = await Promise.all([
      reconcile(worker, world.clock, { commandId, ...word }),
      reconcile(worker, world.clock, { commandId, ...word, verdict: 'not_applied' }),
    ]);
    expect(answers.map(({ ok }) => ok)).toEqual([true, false]);
    expect(world.logs.events.filter(({ kind }) => kind === 'noted')).toHaveLength(1);
    await worker.stop();
  });

  it('given a command that ended otherwise, or none, then it is refused', async () => {
    const world = new WorkerWorld();
    const { worker } = await aWorker(world);
    world.publish();
    await eventually(() => world.ends.length === 1, 'its end');
    for (const commandId of [world.ends[0]?.commandId ?? '', 'nobody'])
      expect(await reconcile(worker, world.clock, { commandId, ...word })).toMatchObject({
        code: 'not_unknown',
      });
    await worker.stop();
  });
});
