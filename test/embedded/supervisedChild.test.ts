import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ChildExit, type ChildSpec, SupervisedChild } from '../../src/embedded/supervisedChild.js';
import { cleanUp, eventually, isRunning, temporaryFolder } from './support.js';

describe('a supervised child', () => {
  it('given it is started and stopped many times, also twice at once, then it runs or is gone', async () => {
    const child = sleeper();
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([child.start(), child.start()]);
      const pid = child.pid ?? Number.NaN;
      expect(isRunning(pid)).toBe(true);
      await Promise.all([child.stop(), child.stop()]);
      expect(isRunning(pid)).toBe(false);
      expect(child.pid).toBeUndefined();
    }
  });

  it('given it is killed again and again, then it comes back each time and tells', async () => {
    const exits: ChildExit[] = [];
    const restarts: number[] = [];
    const child = sleeper({ onExit: (exit) => exits.push(exit), onRestart: (pid) => restarts.push(pid) });
    await child.start();
    for (let round = 1; round <= 3; round += 1) {
      process.kill(child.pid ?? Number.NaN, 'SIGKILL');
      await eventually(() => restarts.length === round);
    }
    expect(exits.map((exit) => exit.signal)).toEqual(['SIGKILL', 'SIGKILL', 'SIGKILL']);
    expect(child.pid).toBe(restarts[2]);
  });

  it('given it ignores the stop signal, then it is killed after the grace', async () => {
    const child = sleeper({ command: ['/bin/sh', '-c', "trap '' TERM; while :; do sleep 0.05; done"] });
    await child.start();
    const pid = child.pid ?? Number.NaN;
    await child.stop();
    expect(isRunning(pid)).toBe(false);
  });

  it('given it ends before it is ready, then the start fails with its last words', async () => {
    const child = sleeper({
      command: ['/bin/sh', '-c', 'echo the disk is on fire >&2; exit 3'],
      ready: never,
    });
    const starting = child.start();
    await expect(starting).rejects.toMatchObject({ code: 'child_start_failed', childName: 'sleeper' });
    await expect(starting).rejects.toThrow(/code 3[\s\S]*the disk is on fire/);
    await child.stop();
  });

  it('given a program that does not exist, then the start fails', async () => {
    await expect(sleeper({ command: ['/nowhere/program'], ready: never }).start()).rejects.toThrow(
      /code 127/,
    );
  });

  it('given a stop while it becomes ready, then both end', async () => {
    const child = sleeper({ ready: never });
    const starting = child.start();
    const failed = expect(starting).rejects.toThrow();
    await eventually(() => child.pid !== undefined);
    await child.stop();
    await failed;
  });

  it('given its own session, then a signal to our process group does not reach it', async () => {
    const child = sleeper();
    await child.start();
    const fields = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ');
    expect(fields?.slice(2, 4)).toEqual([String(child.pid), String(child.pid)]); // group, session
  });

  it('given a chatty child, then its log stays bounded', async () => {
    const logFile = join(temporaryFolder(), 'chatty.log');
    const chatter = ['/bin/sh', '-c', 'head -c 100000 /dev/zero; exec sleep 600'] as const;
    const child = sleeper({ command: chatter, logFile, logLimitBytes: 50_000 });
    for (let round = 0; round < 3; round += 1) {
      await child.start();
      await eventually(() => statSync(logFile).size >= 100_000);
      await child.stop();
    }
    expect(statSync(logFile).size).toBe(100_000);
  });
});

function sleeper(changes: Partial<ChildSpec> = {}): SupervisedChild {
  const dir = temporaryFolder();
  const child = new SupervisedChild({
    name: 'sleeper',
    command: ['/bin/sleep', '600'],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
    stopSignals: ['SIGTERM'],
    stopStepMs: 300,
    runDir: join(dir, 'run'),
    logFile: join(dir, 'sleeper.log'),
    ready: async () => undefined,
    ...changes,
  });
  cleanUp(() => child.stop());
  return child;
}

function never(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) =>
    signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
  );
}
