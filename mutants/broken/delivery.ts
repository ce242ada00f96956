import type { Mutant } from '../mutant.js';

const ADMISSION = 'src/workers/ledger/admission.ts';
const LEDGER = 'src/workers/ledger/ledger.ts';

/** What is delivered: repeats, redeliveries, takeovers, order. */
export const DELIVERY: readonly Mutant[] = [
  {
    name: 'naive',
    why: 'No ledger and no done set: whatever is delivered runs, and at-least-once delivers again after every crash.',
    patches: [
      {
        file: ADMISSION,
        find: '  // Held first: a command whose end is not stored yet must not be acknowledged as done.\n',
        replace: "  if (command.commandId !== '') return { kind: 'run' };\n",
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'no-done-set',
    why: 'Ended places are forgotten: a command without a key is known to nobody when it comes again.',
    patches: [
      {
        file: ADMISSION,
        find: "  if (state.done.has(command.position)) return { kind: 'repeat' };\n",
        replace: '',
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'swallow-duplicate',
    why: 'The same key with another payload is acknowledged as a repeat: that payload is lost without a word.',
    patches: [
      {
        file: ADMISSION,
        find: "      ? { kind: 'repeat' }\n      : { kind: 'refuse', refusal: mismatch(command) };",
        replace: "      ? { kind: 'repeat' }\n      : { kind: 'repeat' };",
      },
      {
        file: ADMISSION,
        find: "    case 'mismatch':\n      return { kind: 'refuse', refusal: mismatch(command) };",
        replace: "    case 'mismatch':\n      return { kind: 'repeat' };",
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'key-race-ignored',
    why: 'One key sent to editors of two partitions at once: each owner runs its own, since neither looks whose start stands first.',
    patches: [
      {
        file: 'src/workers/ledger/beginning.ts',
        find: '): boolean => idempotencyKey !== null && !follower.alone;',
        replace: "): boolean => idempotencyKey === '' && !follower.alone;",
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'ledger-evicts-open',
    why: 'At the limit the oldest key goes even while its command is open: a repeat runs beside it.',
    patches: [
      {
        file: LEDGER,
        find: '    if (!this.#ring.hasEnded(first)) this.#elders.set(',
        replace: '    if (this.#ring.length < 0) this.#elders.set(',
      },
    ],
    caughtBy: {
      project: 'unit',
      file: 'test/workers/ledger.test.ts',
      title: 'given one key too many, evicts the oldest that ended, and counts it',
    },
  },
  {
    name: 'consumer-not-reset',
    why: 'The new owner is delivered what is new first, and what its predecessor held only after the ack wait: order is broken.',
    patches: [
      {
        file: 'src/workers/worker.ts',
        find: '(await inbox.reset(partition)).ackFloor',
        replace: '(await inbox.pending(partition)).ackFloor',
      },
    ],
    caughtBy: 'simulation',
  },
  {
    name: 'claim-not-followed',
    why: 'A new owner begins before it has read what its predecessor stored: it decides by an old state.',
    patches: [
      { file: 'src/workers/ownership.ts', find: '    await follower.reached(claim.epoch);\n', replace: '' },
    ],
    caughtBy: {
      project: 'unit',
      file: 'test/workers/ownership.test.ts',
      title: 'given a claim, nothing is taken over before everything that earlier owners have stored is read',
    },
  },
  {
    name: 'parked-overtakes',
    why: 'What was parked goes on at once, although a command that ran when its owner died is older and not delivered again yet.',
    patches: [
      {
        file: 'src/workers/dispatcher.ts',
        find: '() => this.catchUp.done(deps.partitionOf(editor))',
        replace: '() => true',
      },
    ],
    caughtBy: {
      project: 'unit',
      file: 'test/workers/parkingFlow.test.ts',
      title:
        'given a command that was running while its successors were parked, and the end of its worker, runs it before them',
    },
  },
  {
    name: 'zombie-parks',
    why: 'What an owner stored in the parking after it had lost the partition counts like what the next owner has stored there.',
    patches: [
      {
        file: 'src/workers/ownership.ts',
        find: 'if (!state.looks.isStray(partition, batch)) ',
        replace: '',
      },
    ],
    caughtBy: {
      project: 'unit',
      file: 'test/workers/ownership.test.ts',
      title:
        'given a batch that an owner of before had stored too late for the next one, then it is not taken for found',
    },
  },
  {
    name: 'late-fetch',
    why: 'A batch that was being read when a lane dropped what waits comes into it: the younger pass the older.',
    patches: [
      {
        file: 'src/workers/lanes/lane.ts',
        find: '    if (this.#dropped) return false;\n    this.#queue.push(task);',
        replace: '    this.#queue.push(task);',
      },
      {
        file: 'src/workers/lanes/lane.ts',
        find: '        if (this.#signal.aborted || this.#dropped) return;\n',
        replace: '',
      },
    ],
    caughtBy: {
      project: 'unit',
      file: 'test/workers/laneFlow.test.ts',
      title: 'while it fetches, does not begin with what comes then: the commands before that were dropped',
    },
  },
  {
    name: 'zombie-resets',
    why: "A worker that has lost a partition without knowing it begins the server's count anew: the owner misses what that one is given.",
    patches: [
      {
        file: 'src/workers/ownership.ts',
        find: '    await log.append([]);\n    return !signal.aborted;',
        replace: '    void log;\n    return !signal.aborted;',
      },
    ],
    caughtBy: {
      project: 'unit',
      file: 'test/workers/giving.test.ts',
      title:
        'that another worker has taken meanwhile is not asked for anew: the one who does learns that it is lost',
    },
  },
  {
    name: 'ack-with-the-first-item',
    why: 'A message of many commands is acknowledged with the first that ends: a crash loses the others.',
    patches: [
      {
        file: 'src/workers/lanes/inFlight.ts',
        find: '    if (entry.open.size === 0) {',
        replace: '    if (entry.open.size >= 0) {',
      },
    ],
    caughtBy: {
      project: 'unit',
      file: 'test/workers/queues.test.ts',
      title: 'acknowledges a message once its last item is settled, once',
    },
  },
];
