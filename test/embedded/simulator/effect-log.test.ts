import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type Effect,
  type EffectLog,
  type NewEffect,
  openEffectLog,
} from '../../../src/embedded/simulator/effect-log.js';
import { freshFolder } from './support.js';

const effect = (path: string): NewEffect => ({
  editor: 'default',
  tool: 'create_script',
  path,
  beforeSha: null,
  afterSha: 'ab',
  commandId: 'c1',
  attempt: 1,
});

function open(file: string, settle: (effect: Effect) => boolean = () => false, fsync = true): EffectLog {
  return openEffectLog({ file, fsync, now: () => new Date(0), settle });
}

describe('effect log', () => {
  it('given commits, it numbers them from 1 without gaps and goes on after a restart', async () => {
    const file = join(await freshFolder(), 'effects.jsonl');
    const first = open(file);
    const order: string[] = [];
    first.commit(effect('a'), () => order.push('changed'));
    first.commit(effect('b'), () => order.push('changed'));
    await first.flushed();
    first.close();
    const second = open(file);
    second.commit(effect('c'), () => {});
    await second.flushed();
    expect(second.after(1, 10).map(({ n, path }) => [n, path])).toEqual([
      [2, 'b'],
      [3, 'c'],
    ]);
    expect(order).toEqual(['changed', 'changed']);
    second.close();
  });

  it('given a torn last line, it is cut off and its number used again', async () => {
    const file = join(await freshFolder(), 'effects.jsonl');
    const first = open(file);
    first.commit(effect('a'), () => {});
    await first.flushed();
    first.close();
    appendFileSync(file, '{"n":2,"at":"1970-');
    const second = open(file);
    expect(second.commit(effect('b'), () => {}).n).toBe(2);
    await second.flushed();
    second.close();
    expect(
      readFileSync(file, 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as Effect).n),
    ).toEqual([1, 2]);
  });

  it.each([true, false])(
    'given a death between change and line, the change happened: %s decides',
    async (happened) => {
      const file = join(await freshFolder(), 'effects.jsonl');
      const log = open(file);
      log.commit(effect('a'), () => {});
      // A kill is what an exception that nobody handles comes to: the slot is written, the line is not.
      expect(() =>
        log.commit(effect('b'), () => {
          throw new Error('killed');
        }),
      ).toThrow('killed');
      await log.flushed();
      log.close();
      const asked: number[] = [];
      const again = open(file, ({ n }) => {
        asked.push(n);
        return happened;
      });
      expect(asked).toEqual([2]);
      expect(again.last()).toBe(happened ? 2 : 1);
      again.close();
    },
  );

  it('given more effects than one index block, any position is read back', async () => {
    const file = join(await freshFolder(), 'effects.jsonl');
    const log = open(file, () => false, false);
    for (let n = 1; n <= 1500; n += 1) log.commit(effect(`p${n}`), () => {});
    log.close();
    const again = open(file, () => false, false);
    for (const after of [0, 511, 512, 1023, 1024, 1499, 1500, 9000]) {
      expect(again.after(after, 3).map(({ n }) => n)).toEqual(
        [1, 2, 3].map((step) => after + step).filter((n) => n <= 1500),
      );
    }
    again.close();
  });

  it('given a log whose numbers have a gap, it refuses to start', async () => {
    const file = join(await freshFolder(), 'effects.jsonl');
    writeFileSync(file, '{"n":1}\n{"n":3}\n');
    expect(() => open(file)).toThrow(expect.objectContaining({ code: 'effect_log_damaged' }));
  });

  it('given many commits at once, every one is flushed before its waiter goes on', async () => {
    const file = join(await freshFolder(), 'effects.jsonl');
    const log = open(file);
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        log.commit(effect(`p${index}`), () => {});
        await log.flushed();
      }),
    );
    expect(log.last()).toBe(50);
    log.close();
  });
});
