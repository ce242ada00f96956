import { describe, expect, it } from 'vitest';
import { Reading, within } from '../../chaos/checker/collect/patiently.js';

const never = (): Promise<never> => new Promise(() => undefined);
const refused = (message: string, code?: number): Error => Object.assign(new Error(message), { code });

describe('reading what a run left', () => {
  it('given a source that refuses, tells what was said, with its code, and reads the next one', async () => {
    const reading = new Reading(new AbortController().signal);
    const telemetry = await reading.of('telemetry', 'nothing', () => {
      throw refused('stream not found', 10_059);
    });
    const primary = await reading.of('primary', 'nothing', async () => 'rows');
    expect([telemetry, primary]).toEqual(['nothing', 'rows']);
    expect(reading.unread).toEqual([{ source: 'telemetry', said: 'stream not found (10059)' }]);
  });

  it('given a source that does not answer when the run is broken off, gives it up, and asks no other', async () => {
    const broken = new AbortController();
    const reading = new Reading(broken.signal);
    const log = reading.of('log', 'nothing', never);
    broken.abort();
    expect(await log).toBe('nothing');
    let asked = false;
    await reading.of('replica', 'nothing', () => {
      asked = true;
      return 'rows';
    });
    expect(asked).toBe(false);
    expect(reading.unread).toEqual([
      { source: 'log', said: 'broken off before it was read' },
      { source: 'replica', said: 'broken off before it was read' },
    ]);
  });

  it("given a source that is late, gives it up and says after how long; what comes of it later is no longer anybody's", async () => {
    let fail: (error: Error) => void = () => undefined;
    const late = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await expect(within(20, new AbortController().signal, () => late)).rejects.toThrow(
      'no answer within 0.02 s',
    );
    fail(new Error('too late'));
    await expect(late).rejects.toThrow('too late');
  });
});
