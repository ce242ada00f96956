import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eventually } from '../support/autoClock.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { aWorker, WorkerWorld } from '../support/workerRig.js';

const SESSIONS = 4;
const EDITOR = 'slow';
const AWAY_MS = 3_000;

const session = fc.nat(SESSIONS - 1);
const what = fc.constantFrom('all' as const, 'exclusive' as const);
/** `turns`: how far everything gets before the next move. */
const turns = fc.oneof(fc.constant(0), fc.nat(40));
const move = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), session, beside: fc.nat(5), count: fc.nat(3), turns }),
  fc.record({ kind: fc.constant('step' as const), turns }),
  fc.record({ kind: fc.constant('parkSession' as const), session, what, turns }),
  fc.record({ kind: fc.constant('parkAll' as const), what, turns }),
  fc.record({ kind: fc.constant('comeAndGo' as const), turns }),
  fc.record({ kind: fc.constant('wait' as const), turns }),
  fc.record({ kind: fc.constant('nextOwner' as const), acksLost: fc.boolean(), turns }),
);
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;

/** Owners of one editor, one after the other; each call runs until a step ends it. */
class Owners {
  readonly world = new WorkerWorld();
  sent = 0;
  #worker = aWorker(this.world);
  #calls: (() => void)[] = [];

  constructor() {
    this.world.gate.onCall = ({ signal }) =>
      new Promise<void>((resolve, reject) => {
        this.#calls.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
  }

  step(): void {
    this.#calls.shift()?.();
  }

  async make(move: Move): Promise<void> {
    const { worker } = await this.#worker;
    const { away } = this.world.gate;
    const lane = worker.view?.dispatcher.lanes.find(({ editor }) => editor === EDITOR);
    if (move.kind === 'send') for (let more = 0; more <= move.count; more++) this.#send(move);
    if (move.kind === 'step') this.step();
    if (move.kind === 'parkSession') lane?.parkSession(`s${move.session}`, move.what);
    if (move.kind === 'parkAll') lane?.parkWaiting(move.what);
    if (move.kind === 'comeAndGo' && !away.delete(EDITOR)) away.add(EDITOR);
    if (move.kind === 'wait') await this.world.clock.sleep(AWAY_MS);
    if (move.kind === 'nextOwner') {
      await worker.stop();
      if (move.acksLost) this.world.inbox.forgetAcks();
      this.#worker = aWorker(this.world);
    }
    for (let turn = 0; turn < move.turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** The last owner brings everything to its end. */
  async finish(): Promise<void> {
    this.world.gate.away.delete(EDITOR);
    const isDone = () => {
      this.step();
      return this.world.ends.length === this.sent;
    };
    await eventually(isDone, `the end of ${this.sent} commands`, 100_000);
    await (await this.#worker).worker.stop();
  }

  /** What does not need the editor, now and then. */
  #send({ session, beside }: { readonly session: number; readonly beside: number }): void {
    const of = { editor: EDITOR, sessionId: `s${session}` };
    const n = this.sent++;
    this.world.publish(
      n % 6 === beside
        ? { ...of, type: 'unity.get_build_status', payload: { jobId: 'none' } }
        : { ...of, payload: scriptPayload(`Assets/N${n}.cs`) },
    );
  }
}

it('whatever is parked, fetched and put back, and whoever owns it then, the commands of a session end once each and in order', async () => {
  const property = fc.asyncProperty(fc.array(move, { minLength: 20, maxLength: 60 }), async (moves) => {
    const owners = new Owners();
    for (const one of moves) await owners.make(one);
    await owners.finish();
    for (let at = 0; at < SESSIONS; at++) {
      const ends = owners.world.ends.filter(({ sessionId }) => sessionId === `s${at}`);
      const seqs = ends.map(({ position }) => position.seq);
      expect(seqs).toEqual(seqs.toSorted((left, right) => left - right));
      expect(new Set(seqs).size).toBe(seqs.length);
    }
  });
  await fc.assert(property, { numRuns: 60 });
}, 120_000);
