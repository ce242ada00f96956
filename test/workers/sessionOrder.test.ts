import fc from 'fast-check';
import { afterAll, expect, it, vi } from 'vitest';
import { isEnd } from '../../src/events/event.js';
import { eventually } from '../support/autoClock.js';
import { scriptPayload } from '../support/commandFixtures.js';
import { BEHAVIOUR } from '../support/memoryGate.js';
import { Wires } from '../support/wires.js';
import { aWorker, type RunningWorker, WorkerWorld } from '../support/workerRig.js';

/** In each check a few; with SPARK_TEST_RUNS as many as somebody has time for. */
const RUNS = Number(process.env['SPARK_TEST_RUNS'] ?? 100);
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
  fc.record({ kind: fc.constant('loseReply' as const), turns }),
  fc.record({ kind: fc.constant('parkSession' as const), session, what, turns }),
  fc.record({ kind: fc.constant('parkAll' as const), what, turns }),
  fc.record({ kind: fc.constant('comeAndGo' as const), turns }),
  fc.record({ kind: fc.constant('wait' as const), turns }),
  fc.record({ kind: fc.constant('nextOwner' as const), acksLost: fc.boolean(), turns }),
  fc.record({
    kind: fc.constant('hold' as const),
    of: fc.constantFrom('log' as const, 'parking' as const),
    turns,
  }),
  fc.record({ kind: fc.constant('release' as const), turns }),
  fc.record({ kind: fc.constant('takeover' as const), acksLost: fc.boolean(), turns }),
  fc.record({ kind: fc.constant('thaw' as const), turns }),
);
type Move = typeof move extends fc.Arbitrary<infer M> ? M : never;

interface Owner {
  readonly wires: Wires;
  readonly started: Promise<RunningWorker>;
}

/** Owners of one editor, one after the other, or at the same time while one does not know yet; each call runs until a step ends it. */
class Owners {
  readonly world = new WorkerWorld();
  sent = 0;
  readonly #owners: Owner[] = [];
  #calls: (() => void)[] = [];

  constructor() {
    this.#next();
    this.world.gate.onCall = ({ signal }) =>
      new Promise<void>((resolve, reject) => {
        this.#calls.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      });
  }

  get #owner(): Owner {
    return this.#owners.at(-1) as Owner;
  }

  #next(): void {
    const wires = new Wires();
    this.#owners.push({ wires, started: aWorker(wires.through(this.world)) });
  }

  step(): void {
    this.#calls.shift()?.();
  }

  async make(move: Move): Promise<void> {
    const { wires, started } = this.#owner;
    const { worker } = await started;
    const { away } = this.world.gate;
    const lane = worker.view?.dispatcher.lanes.find(({ editor }) => editor === EDITOR);
    if (move.kind === 'send') for (let more = 0; more <= move.count; more++) this.#send(move);
    if (move.kind === 'step') this.step();
    if (move.kind === 'loseReply') this.world.gate.script.push(BEHAVIOUR.losesReply);
    if (move.kind === 'parkSession') lane?.parkSession(`s${move.session}`, move.what);
    if (move.kind === 'parkAll') lane?.parkWaiting(move.what);
    if (move.kind === 'comeAndGo' && !away.delete(EDITOR)) away.add(EDITOR);
    if (move.kind === 'wait') await this.world.clock.sleep(AWAY_MS);
    if (move.kind === 'hold') wires.hold(move.of);
    if (move.kind === 'release') for (const of of ['log', 'parking'] as const) wires.release(of);
    if (move.kind === 'nextOwner') {
      for (const of of ['log', 'parking'] as const) wires.release(of);
      await worker.stop();
      if (move.acksLost) this.world.inbox.forgetAcks();
      this.#next();
    }
    if (move.kind === 'takeover') {
      wires.hold('all');
      if (move.acksLost) this.world.inbox.forgetAcks();
      this.#next();
    }
    if (move.kind === 'thaw') this.#thaw();
    for (let turn = 0; turn < move.turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  #thaw(): void {
    for (const { wires } of this.#owners)
      for (const of of ['log', 'parking', 'all'] as const) wires.release(of);
  }

  /** The last owner brings everything to its end. */
  async finish(): Promise<void> {
    this.#thaw();
    this.world.gate.away.delete(EDITOR);
    // Two that took a partition each from the other have both lost everything: one more comes, as after a restart.
    for (const { started } of this.#owners) await (await started).worker.stop();
    this.#next();
    const isDone = () => {
      this.step();
      return this.world.ends.length >= this.sent;
    };
    await eventually(isDone, `the end of ${this.sent} commands`, 100_000);
    await (await this.#owner.started).worker.stop();
    // Nothing of them may go on in the tests that come after this one.
    await eventually(() => this.world.clock.idle, 'all owners to be gone');
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

// A hold's jitter: the moves alone decide what happens, so that a failure can be repeated.
vi.spyOn(Math, 'random').mockReturnValue(0.5);
afterAll(() => vi.restoreAllMocks());

it('whatever is parked, and whoever owns it or believes so, the commands of a session run once each and one after the other', async () => {
  const property = fc.asyncProperty(fc.array(move, { minLength: 20, maxLength: 60 }), async (moves) => {
    const owners = new Owners();
    for (const one of moves) await owners.make(one);
    await owners.finish();
    for (let at = 0; at < SESSIONS; at++) {
      const told = owners.world.logs.events.filter((event) => event.sessionId === `s${at}`);
      const seqs = told.flatMap((event) => (event.kind === 'noted' ? [] : [event.position.seq]));
      expect(seqs).toEqual(seqs.toSorted((left, right) => left - right));
      const ends = told.filter(isEnd);
      expect(new Set(ends.map(({ commandId }) => commandId)).size).toBe(ends.length);
    }
  });
  await fc.assert(property, { numRuns: RUNS });
}, 600_000);
