import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { HomeInUseError } from '../../src/embedded/errors.js';
import { openHome } from '../../src/embedded/home.js';
import { acquireHomeLock } from '../../src/embedded/homeLock.js';
import { identifyProcess } from '../../src/embedded/processIdentity.js';
import { recordChild } from '../../src/embedded/survivors.js';
import { cleanUp, eventually, isRunning, temporaryFolder, temporaryHome } from './support.js';

describe('a home', () => {
  it('given a live holder, when it is opened again, then it is refused with the pid', async () => {
    const home = await temporaryHome();
    const second = openHome({ dir: home.dir, fresh: true });
    await expect(second).rejects.toThrow(HomeInUseError);
    await expect(second).rejects.toMatchObject({ code: 'home_in_use', pid: process.pid });
  });

  it('given a released home, when it is opened again, then it opens, and its state is kept', async () => {
    const home = await temporaryHome();
    const token = home.state.secret('token');
    home.release();
    home.release();
    const again = await temporaryHome(home.dir);
    expect(again.state.secret('token')).toBe(token);
    expect(statSync(join(home.dir, 'state.json')).mode & 0o777).toBe(0o600);
  });

  it('given the holder died by kill -9, when it is opened, then the stale lock is taken over', async () => {
    const dir = temporaryFolder();
    const holder = await runningProcess();
    writeFileSync(join(dir, 'lock.7'), JSON.stringify(identifyProcess(holder)));
    expect(() => acquireHomeLock(dir)).toThrow(HomeInUseError);
    process.kill(holder, 'SIGKILL');
    await eventually(() => !isRunning(holder));
    acquireHomeLock(dir)();
    expect(existsSync(join(dir, 'lock.8'))).toBe(true);
  });

  it("given the holder's pid now belongs to another process, when it is opened, then the lock counts as stale", async () => {
    const dir = temporaryFolder();
    const stranger = await runningProcess();
    writeFileSync(join(dir, 'lock.1'), JSON.stringify({ pid: stranger, startedAt: 'another boot:1' }));
    acquireHomeLock(dir)();
  });

  it('given two starters that found the same stale lock, when both take it, then one gets it', () => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, 'lock.1'), '{"released":true}');
    acquireHomeLock(dir);
    expect(() => acquireHomeLock(dir)).toThrow(HomeInUseError);
    expect(readFileSync(join(dir, 'lock.2'), 'utf8')).toContain(`"pid":${process.pid}`);
  });

  it('given a used home, when it is opened fresh, then nothing of it is left', async () => {
    const home = await temporaryHome();
    const token = home.state.secret('token');
    writeFileSync(join(home.stateDir('nats'), 'data'), 'old');
    home.release();
    const fresh = await openHome({ dir: home.dir, fresh: true });
    cleanUp(() => fresh.release());
    expect(existsSync(join(home.dir, 'nats'))).toBe(false);
    expect(fresh.state.secret('token')).not.toBe(token);
  });

  it("given a folder with somebody's files, when it is opened as a home, then it is refused and left alone", async () => {
    const dir = temporaryFolder();
    mkdirSync(join(dir, 'photos'));
    await expect(openHome({ dir, fresh: true })).rejects.toMatchObject({ code: 'home_unusable' });
    expect(existsSync(join(dir, 'photos'))).toBe(true);
  });

  it('given broken state, when it is opened, then it says so and gives the lock back', async () => {
    const home = await temporaryHome();
    home.release();
    writeFileSync(join(home.dir, 'state.json'), '{"half');
    await expect(openHome({ dir: home.dir, fresh: false })).rejects.toMatchObject({ code: 'home_unusable' });
    const fresh = await openHome({ dir: home.dir, fresh: true });
    fresh.release();
  });

  it('given a daemon that survived its parent, when the home is opened, then the daemon has been stopped', async () => {
    const home = await temporaryHome();
    const survivor = await runningProcess();
    recordChild(home.runDir, 'old', survivor, ['SIGTERM']);
    home.release();
    await temporaryHome(home.dir);
    expect(isRunning(survivor)).toBe(false);
  });
});

async function runningProcess(): Promise<number> {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  await once(child, 'spawn');
  cleanUp(() => {
    child.kill('SIGKILL');
  });
  if (child.pid === undefined) throw new Error('no pid');
  return child.pid;
}
