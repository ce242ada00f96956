import { describe, expect, it } from 'vitest';
import { type CommandMessage, CommandStream } from '../../simulation/bus/commandStream.js';
import { connectionOf } from '../../simulation/bus/connection.js';
import { logPortOf, NO_LIVE } from '../../simulation/bus/logPort.js';
import { Stream, VerdictError } from '../../simulation/bus/stream.js';
import { takeGlobals } from '../../simulation/kernel/globals.js';
import { Kernel } from '../../simulation/kernel/kernel.js';
import { Network } from '../../simulation/kernel/network.js';
import { Process } from '../../simulation/kernel/process.js';
import { Random } from '../../simulation/kernel/random.js';
import { Trace } from '../../simulation/kernel/trace.js';
import { decodeLogMessage } from '../../src/events/log.js';
import { ClaimedMeanwhileError, claimPartition, FencedError } from '../../src/streams/partitionLog.js';
import { STREAMS } from '../../src/streams/topology.js';

const bytes = (text: string): Uint8Array => Buffer.from(text);

function world() {
  const kernel = new Kernel(new Random(3), new Trace(false));
  const network = new Network(kernel);
  const options = { partitions: 1, duplicateWindowMs: 1_000, ackWaitMs: 5_000 };
  const commands = new CommandStream(kernel, network, options);
  const run = (untilMs: number): Promise<void> =>
    kernel.run(() => kernel.nowMs >= untilMs, { untilMs: 1e9, events: 1e6 });
  const pull = (process: Process, max: number) => {
    const got: number[] = [];
    const orders: number[] = [];
    const onMessage = ({ seq }: CommandMessage, order: number): void => {
      got.push(seq);
      orders.push(order);
    };
    commands.pull(0, { process, max, expiresMs: 60_000, onMessage, onEnd: () => undefined });
    return { got, orders };
  };
  const publish = (count: number): void => {
    for (let at = 0; at < count; at++)
      commands.publish(
        0,
        'spark.partition.0.e.unity.delete_script.s',
        bytes('{"path":"Assets/A.cs"}'),
        {},
        undefined,
      );
  };
  // Something that keeps virtual time going.
  const tick = (): void => void kernel.after(100, tick);
  tick();
  return { kernel, network, commands, run, pull, publish };
}

describe('a stream of the simulation', () => {
  it('refuses an append whose expected sequence is not the last of its subject', () => {
    const stream = new Stream('S', () => 0, 1_000);
    stream.publish('a', bytes('1'), { expectedLast: 0 });
    stream.publish('b', bytes('2'));
    expect(() => stream.publish('a', bytes('3'), { expectedLast: 0 })).toThrow(VerdictError);
    expect(stream.publish('a', bytes('3'), { expectedLast: 1 })).toEqual({ seq: 3, duplicate: false });
  });

  it('acknowledges a known message id as a duplicate without storing it, whatever its bytes, until its window has passed', () => {
    let now = 0;
    const stream = new Stream('S', () => now, 1_000);
    stream.publish('a', bytes('1'), { messageId: 'x' });
    expect(stream.publish('a', bytes('other'), { messageId: 'x' })).toEqual({ seq: 1, duplicate: true });
    now = 1_001;
    expect(stream.publish('a', bytes('1'), { messageId: 'x' })).toEqual({ seq: 2, duplicate: false });
  });

  it('forgets its ids when it is told to, as after some restarts', () => {
    const stream = new Stream('S', () => 0, 1_000);
    stream.publish('a', bytes('1'), { messageId: 'x' });
    stream.forgetIds();
    expect(stream.publish('a', bytes('1'), { messageId: 'x' })).toEqual({ seq: 2, duplicate: false });
  });
});

describe('a consumer of the simulation', () => {
  it('hands out what was not yet delivered first, and what a dead worker held after ack_wait', async () => {
    const { kernel, commands, run, pull, publish } = world();
    publish(4);
    const dead = new Process('dead', kernel);
    expect(pull(dead, 2).got).toEqual([]);
    await run(50);
    dead.kill();
    const { got } = pull(new Process('next', kernel), 10);
    await run(1_000);
    expect(got).toEqual([3, 4]);
    await run(5_020);
    expect(got).toEqual([3, 4, 1, 2]);
    expect(commands.pending(0)).toMatchObject({ unacked: 4, ackFloor: 0 });
  });

  it('hands out everything above the floor again after a reset, in order, acknowledged or not', async () => {
    const { kernel, commands, run, pull, publish } = world();
    publish(4);
    const first = new Process('first', kernel);
    pull(first, 4);
    await run(50);
    commands.ack(0, 1);
    commands.ack(0, 3);
    first.kill();
    expect(commands.reset(0)).toBe(1);
    const { got, orders } = pull(new Process('next', kernel), 10);
    await run(1_000);
    expect(got).toEqual([2, 3, 4]);
    expect(orders).toEqual([1, 2, 3]);
  });

  it('leaves the waiting pull of a stopped worker in line over a reset: the next one sees a gap', async () => {
    const { kernel, commands, run, pull, publish } = world();
    const zombie = new Process('zombie', kernel);
    pull(zombie, 1);
    zombie.stop();
    commands.reset(0);
    const { got, orders } = pull(new Process('next', kernel), 10);
    publish(2);
    await run(1_000);
    expect(got).toEqual([2]);
    expect(orders).toEqual([2]);
  });

  it('takes an acknowledgement from whoever sends it', async () => {
    const { kernel, commands, run, pull, publish } = world();
    publish(1);
    pull(new Process('owner', kernel), 1);
    await run(50);
    commands.ack(0, 1);
    expect(commands.pending(0)).toEqual({ waiting: 0, unacked: 0, ackFloor: 1 });
  });

  it('hands out what is out once more, newest first, when the server says so', async () => {
    const { kernel, commands, run, pull, publish } = world();
    publish(2);
    const { got } = pull(new Process('owner', kernel), 10);
    await run(50);
    commands.redeliverAll();
    await run(200);
    expect(got).toEqual([1, 2, 2, 1]);
  });

  it('loses what is on the wire of a connection that is cut', async () => {
    const { kernel, network, run, pull, publish } = world();
    const owner = new Process('owner', kernel);
    const { got } = pull(owner, 10);
    network.cut(owner, 500);
    publish(1);
    await run(1_000);
    expect(got).toEqual([]);
  });
});

describe("production's appender on the simulated connection", () => {
  it('stores each append once though its PubAck is lost and the ids are forgotten, and is fenced by the next claim', async () => {
    const { kernel, network, run } = world();
    const log = new Stream(STREAMS.log, () => kernel.nowMs, 1_000);
    const streams = new Map([[STREAMS.log as string, log]]);
    const stats = {
      waiting: () => undefined,
      acked: () => undefined,
      published: () => undefined,
      failed: () => undefined,
    };
    const limits = { batchEvents: 10, batchBytes: 10_000 };
    const claim = (process: Process) =>
      claimPartition(connectionOf(process, network, streams), 0, {
        clock: process.clock,
        live: NO_LIVE,
        limits,
        stats,
      });
    const giveBack = takeGlobals(kernel);
    const outcomes: unknown[] = [];
    try {
      const first = new Process('first', kernel);
      const next = new Process('next', kernel);
      first.after(0, async () => {
        const mine = await claim(first);
        outcomes.push(mine.epoch);
        log.onStored(() => {
          log.forgetIds();
          if (kernel.nowMs < 1_000) network.cut(first, kernel.nowMs + 2_500);
        });
        outcomes.push(await mine.append([]));
        outcomes.push((await claim(next)).epoch);
        outcomes.push(await mine.append([]).catch((error: unknown) => error instanceof FencedError));
      });
      await run(60_000);
    } finally {
      giveBack();
    }
    expect(outcomes).toEqual([1, 2, 3, true]);
    expect(log.messages.map((message) => decodeLogMessage(message?.data ?? bytes(''), 1, 0, 0))).toEqual([
      [],
      [],
      [],
    ]);
  });

  it('given two claims at once, the first keeps the partition and the other is told so, instead of fencing it', async () => {
    const { kernel, network, run } = world();
    const log = new Stream(STREAMS.log, () => kernel.nowMs, 1_000);
    const streams = new Map([[STREAMS.log as string, log]]);
    const giveBack = takeGlobals(kernel);
    const outcomes: unknown[] = [];
    try {
      for (const name of ['one', 'other']) {
        const process = new Process(name, kernel);
        process.after(0, async () => {
          try {
            const mine = await logPortOf(
              process,
              network,
              connectionOf(process, network, streams),
              log,
            ).claim(0);
            outcomes.push(`appends at ${await mine.append([])}`);
          } catch (error) {
            outcomes.push(error instanceof ClaimedMeanwhileError ? error.code : error);
          }
        });
      }
      await run(60_000);
    } finally {
      giveBack();
    }
    expect(outcomes.toSorted()).toEqual(['appends at 2', 'claimed_meanwhile']);
    expect(log.lastSeq).toBe(2);
  });
});
