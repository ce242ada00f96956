import { afterEach, describe, expect, it } from 'vitest';
import { takeGlobals } from '../../simulation/kernel/globals.js';
import { Kernel, StuckError } from '../../simulation/kernel/kernel.js';
import { Network } from '../../simulation/kernel/network.js';
import { EPOCH_MS, Process } from '../../simulation/kernel/process.js';
import { Random } from '../../simulation/kernel/random.js';
import { Trace } from '../../simulation/kernel/trace.js';
import { every } from '../../src/core/clock.js';

const LIMITS = { untilMs: 60_000, events: 10_000 };
const aKernel = (seed = 1): Kernel => new Kernel(new Random(seed), new Trace(true));
const never = (): boolean => false;

let giveBack: (() => void) | undefined;
afterEach(() => giveBack?.());

describe('the kernel', () => {
  it('runs events in the order of their time, and of their making where that is equal', async () => {
    const kernel = aKernel();
    const seen: string[] = [];
    kernel.after(20, () => seen.push(`late at ${kernel.nowMs}`));
    kernel.after(5, () => seen.push(`first at ${kernel.nowMs}`));
    kernel.after(5, () => seen.push(`second at ${kernel.nowMs}`));
    await kernel.run(never, LIMITS);
    expect(seen).toEqual(['first at 5', 'second at 5', 'late at 20']);
  });

  it('lets every promise that follows from an event run before the next event', async () => {
    const kernel = aKernel();
    const seen: string[] = [];
    kernel.after(1, () => {
      void (async () => {
        for (let hop = 0; hop < 50; hop++) await Promise.resolve();
        seen.push('after fifty promises');
      })();
    });
    kernel.after(1, () => seen.push('the next event'));
    await kernel.run(never, LIMITS);
    expect(seen).toEqual(['after fifty promises', 'the next event']);
  });

  it('gives the same numbers to the same seed, and others to another', () => {
    const draw = (seed: number): number[] => {
      const random = new Random(seed);
      return Array.from({ length: 20 }, () => random.next());
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
    expect(draw(7).every((value) => value >= 0 && value < 1)).toBe(true);
  });

  it('says so when a seed does not come to rest', async () => {
    const kernel = aKernel();
    const again = (): void => void kernel.after(1, again);
    again();
    await expect(kernel.run(never, { untilMs: 100, events: 1_000 })).rejects.toBeInstanceOf(StuckError);
  });

  it('tells two traces apart by their digests, and equal ones not', () => {
    const of = (...words: string[]): string => {
      const trace = new Trace(false);
      for (const word of words) trace.add(1, 'worker', word);
      return trace.digest;
    };
    expect(of('a', 'b')).toBe(of('a', 'b'));
    expect(of('a', 'b')).not.toBe(of('b', 'a'));
    expect(of('ab')).not.toBe(of('a', 'b'));
  });
});

describe('a process of the simulation', () => {
  it('is told nothing any more once it was killed', async () => {
    const kernel = aKernel();
    const process = new Process('worker', kernel);
    let told = 0;
    process.after(10, () => told++);
    kernel.after(5, () => process.kill());
    await kernel.run(never, LIMITS);
    expect(told).toBe(0);
  });

  it('does later what came while it was stopped, in its order', async () => {
    const kernel = aKernel();
    const process = new Process('worker', kernel);
    const seen: string[] = [];
    process.after(10, () => seen.push(`one at ${kernel.nowMs}`));
    process.after(11, () => seen.push(`two at ${kernel.nowMs}`));
    kernel.after(5, () => process.stop());
    kernel.after(500, () => process.go());
    await kernel.run(never, LIMITS);
    expect(seen).toEqual(['one at 500', 'two at 500']);
  });

  it('sleeps in virtual time, and its wall clock may jump while its durations do not', async () => {
    const kernel = aKernel();
    const { clock, ...process } = new Process('worker', kernel);
    expect(process).toBeDefined();
    const jumping = new Process('jumping', kernel);
    jumping.wallOffsetMs = 3_600_000;
    let woke = 0;
    void clock.sleep(250).then(() => {
      woke = kernel.nowMs;
    });
    await kernel.run(never, LIMITS);
    expect(woke).toBe(250);
    expect(jumping.clock.nowMs() - clock.nowMs()).toBe(3_600_000);
    expect(jumping.clock.monotonicMs()).toBe(clock.monotonicMs());
  });
});

describe('the globals while a seed runs', () => {
  it('lead timers, chance and the time of day into the kernel, and are given back', async () => {
    const before = [setTimeout, setImmediate, Math.random, Date.now];
    const kernel = aKernel();
    giveBack = takeGlobals(kernel);
    const drawn = [Math.random(), Math.random()];
    const seen: number[] = [];
    const stop = every(
      100,
      () => void seen.push(Date.now() - EPOCH_MS),
      () => undefined,
    );
    kernel.after(350, stop);
    await kernel.run(never, LIMITS);
    giveBack();
    expect(seen).toEqual([100, 200, 300]);
    expect([setTimeout, setImmediate, Math.random, Date.now]).toEqual(before);
    const again = aKernel();
    giveBack = takeGlobals(again);
    expect([Math.random(), Math.random()]).toEqual(drawn);
  });

  it('let a timer die with the process that has set it', async () => {
    const kernel = aKernel();
    giveBack = takeGlobals(kernel);
    const process = new Process('worker', kernel);
    let ticks = 0;
    process.after(0, () => void setInterval(() => ticks++, 10));
    kernel.after(35, () => process.kill());
    await kernel.run(never, LIMITS);
    expect(ticks).toBe(3);
  });
});

describe('the network', () => {
  const ask = async (
    prepare: (network: Network, process: Process) => void,
  ): Promise<{ served: number; answer: unknown }> => {
    const kernel = aKernel();
    const network = new Network(kernel);
    const process = new Process('worker', kernel);
    let served = 0;
    let answer: unknown = 'none';
    prepare(network, process);
    network
      .request(process, 300, () => ++served)
      .then(
        (value) => {
          answer = value;
        },
        (error: Error) => {
          answer = error.name;
        },
      );
    await kernel.run(never, LIMITS);
    return { served, answer };
  };

  it('brings a request there and its answer back', async () => {
    expect(await ask(() => undefined)).toEqual({ served: 1, answer: 1 });
  });

  it('may lose the answer of a request that was served: the asker hears a timeout', async () => {
    const lost = await ask((network, process) => {
      process.after(0, () => undefined);
      network.kernel.after(1, () => network.cut(process, 1_000));
    });
    expect(lost).toEqual({ served: 1, answer: 'TimeoutError' });
  });

  it('brings nothing through a cut connection', async () => {
    expect(await ask((network, process) => network.cut(process, 1_000))).toEqual({
      served: 0,
      answer: 'TimeoutError',
    });
  });

  it('sends what a stopped process asks only when it goes on, and never what a dead one asks', async () => {
    const woken = await ask((network, process) => {
      process.stop();
      network.kernel.after(700, () => process.go());
    });
    expect(woken).toEqual({ served: 1, answer: 1 });
    expect(await ask((_network, process) => process.kill())).toEqual({ served: 0, answer: 'none' });
  });
});
