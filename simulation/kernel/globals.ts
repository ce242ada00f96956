import { createInbox } from 'nats';
import { LightAbortController } from './abort.js';
import type { Kernel, Timer } from './kernel.js';
import { EPOCH_MS } from './process.js';

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

/**
 * While a seed runs, the globals by which code could reach real time or real chance lead into the kernel: a timer belongs to the process
 * in whose event it was set, and dies with it. Returns what gives them back.
 */
export function takeGlobals(kernel: Kernel): () => void {
  const before = TAKEN.map((name) => [name, globalThis[name]] as const);
  const { random } = Math;
  const { now } = Date;
  const { stackTraceLimit } = Error;
  // Every abort makes an error, and most of what that costs is its stack.
  if (!kernel.trace.kept) Error.stackTraceLimit = 0;
  const chance = kernel.random.fork();
  Math.random = () => chance.next();
  Date.now = () => EPOCH_MS + kernel.nowMs;
  const clear = (handle: Handle | undefined): void => handle?.timer.cancel();
  Object.assign(globalThis, {
    setTimeout: (run: () => void, ms = 0) => handleOf(kernel.after(ms, run, kernel.current)),
    setImmediate: (run: () => void) => handleOf(kernel.after(0, run, kernel.current)),
    setInterval: (run: () => void, ms: number) => interval(kernel, run, ms),
    clearTimeout: clear,
    clearInterval: clear,
    clearImmediate: clear,
    AbortController: LightAbortController,
    TextDecoder: SharedDecoder,
    TextEncoder: SharedEncoder,
  });
  return () => {
    Math.random = random;
    Date.now = now;
    Error.stackTraceLimit = stackTraceLimit;
    for (const [name, value] of before) Object.assign(globalThis, { [name]: value });
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
