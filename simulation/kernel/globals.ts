import { createInbox, nuid } from 'nats';
import { LightAbortController } from './abort.js';
import type { Kernel, Timer } from './kernel.js';
import { EPOCH_MS } from './process.js';
import type { Random } from './random.js';

// The client library's id maker draws a beginning at its first use: that must not fall into the first seed.
createInbox();

/** Replaced while a seed runs. */
const TAKEN = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
  'AbortController',
  'TextDecoder',
  'TextEncoder',
] as const;

/** These have no state; to make one costs as much as an event of the simulation, and the client library makes one for each answer. */
const decoder = new TextDecoder();
const encoder = new TextEncoder();
const RealDecoder = TextDecoder;

function SharedDecoder(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }) {
  return label === undefined ? decoder : new RealDecoder(label, options);
}

function SharedEncoder() {
  return encoder;
}

interface Handle {
  timer: Timer;
  unref(): Handle;
  ref(): Handle;
}

/** What a seed that runs has taken. */
interface Taken {
  readonly kernel: Kernel;
  readonly chance: Random;
  inboxes: number;
}

let taken: Taken | undefined;

function now(): Taken {
  if (!taken) throw new Error('no seed runs');
  return taken;
}

const clear = (handle: Handle | undefined): void => handle?.timer.cancel();

/**
 * Made once, not once a seed: a closure that is stored in a global is held by V8 until the next full collection, and with it the whole world
 * of its seed (120 KB of 600 a seed were kept for dead, a third of the collector's work).
 */
const STAND_INS = {
  setTimeout: (run: () => void, ms = 0) => {
    const { kernel } = now();
    return handleOf(kernel.after(ms, run, kernel.current));
  },
  setImmediate: (run: () => void) => {
    const { kernel } = now();
    return handleOf(kernel.after(0, run, kernel.current));
  },
  setInterval: (run: () => void, ms: number) => interval(now().kernel, run, ms),
  clearTimeout: clear,
  clearInterval: clear,
  clearImmediate: clear,
  AbortController: LightAbortController,
  TextDecoder: SharedDecoder,
  TextEncoder: SharedEncoder,
};
const chanceOfSeed = (): number => now().chance.next();
const timeOfSeed = (): number => EPOCH_MS + now().kernel.nowMs;
/** Names of inboxes must differ, no more: a random one takes two microseconds, and each client of JetStream makes several. */
const nextInbox = (): string => `inbox-${++now().inboxes}`;

/** Puts the stand-ins in place, until the returned function is called. */
function install(): () => void {
  const before = TAKEN.map((name) => [name, globalThis[name]] as const);
  const { random } = Math;
  const { now: dateNow } = Date;
  const { next } = nuid;
  Math.random = chanceOfSeed;
  Date.now = timeOfSeed;
  nuid.next = nextInbox;
  Object.assign(globalThis, STAND_INS);
  return () => {
    Math.random = random;
    Date.now = dateNow;
    nuid.next = next;
    for (const [name, value] of before) Object.assign(globalThis, { [name]: value });
  };
}

let holders = 0;
let giveBack: () => void = () => undefined;

/**
 * Keeps the stand-ins in place from one seed to the next: putting two dozen globals there and back is one per cent of a seed. In between
 * nobody may ask for time or chance by a global.
 */
export function holdGlobals(): () => void {
  if (holders++ === 0) giveBack = install();
  return () => {
    if (--holders === 0) giveBack();
  };
}

/**
 * While a seed runs, the globals by which code could reach real time or real chance lead into the kernel: a timer belongs to the process
 * in whose event it was set, and dies with it. Returns what gives them back.
 */
export function takeGlobals(kernel: Kernel): () => void {
  const outer = taken;
  const { stackTraceLimit } = Error;
  const letGo = holdGlobals();
  // Every abort makes an error, and most of what that costs is its stack.
  if (!kernel.trace.kept) Error.stackTraceLimit = 0;
  taken = { kernel, chance: kernel.random.fork(), inboxes: 0 };
  return () => {
    taken = outer;
    Error.stackTraceLimit = stackTraceLimit;
    letGo();
  };
}

function handleOf(timer: Timer): Handle {
  const handle: Handle = { timer, unref: () => handle, ref: () => handle };
  return handle;
}

function interval(kernel: Kernel, run: () => void, ms: number): Handle {
  const subject = kernel.current;
  const again = (): void => {
    handle.timer = kernel.after(ms, again, subject);
    run();
  };
  const handle = handleOf(kernel.after(ms, again, subject));
  return handle;
}
