import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type EditorEntry,
  pausedEntry,
  registeredEntry,
  removedEntry,
} from '../../src/commands/editorEntry.js';
import { systemClock } from '../../src/core/clock.js';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import { EditorRegistry } from '../../src/streams/editorRegistry.js';
import type { NatsRole } from '../../src/streams/permissions.js';
import { provision } from '../../src/streams/provision.js';
import { TEST_TOPOLOGY } from '../support/freshStreams.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';

let server: OwnNats;
const open: NatsConnection[] = [];
const running: EditorRegistry[] = [];

const as = async (role: NatsRole): Promise<NatsConnection> => {
  const nc = await connectRole(role, server.url, server.credentials(role));
  open.push(nc);
  return nc;
};
const registryAs = async (role: NatsRole): Promise<EditorRegistry> => {
  const registry = new EditorRegistry(await as(role), systemClock);
  running.push(registry);
  await registry.start();
  return registry;
};
const NOW = '2026-05-01T10:00:00.000Z';
const register = (registry: EditorRegistry, editor: string, instance = 'Game@abc') =>
  registry.change(editor, (before) => registeredEntry(before, { editor, instance }, NOW));
const pause = (registry: EditorRegistry, editor: string, by: string) =>
  registry.change(editor, (before) => pausedEntry(before, editor, { by, at: NOW, reason: null }));

beforeAll(async () => {
  server = await startOwnNats();
  expect(await provision(await as('admin'), TEST_TOPOLOGY)).toEqual([]);
});
afterAll(async () => {
  for (const registry of running) await registry.stop();
  await Promise.all(open.map((nc) => nc.close()));
  await server.stop();
});

describe('the editors registry on a real server, with the permissions of each role', () => {
  it('given an empty bucket, then it is loaded at once and empty; provisioned again, then nothing drifts', async () => {
    expect((await registryAs('worker')).entries.size).toBe(0);
    expect(await provision(await as('admin'), TEST_TOPOLOGY)).toEqual([]);
  });

  it('given an entry of ingest, then it is in its memory when the change resolves, and in the worker soon', async () => {
    const [ingest, worker] = [await registryAs('ingest'), await registryAs('worker')];
    const told: [string, EditorEntry | undefined][] = [];
    worker.onChange((editor, entry) => told.push([editor, entry]));
    const { before, after } = await register(ingest, 'left');
    expect(before).toBeUndefined();
    expect(ingest.entries.get('left')).toEqual(after);
    await expect.poll(() => worker.entries.get('left')).toEqual(after);
    expect(told).toEqual([['left', after]]);
  });

  it('given the same registration again, then nothing is stored', async () => {
    const ingest = await registryAs('ingest');
    const first = ingest.entries.get('left');
    const { before, after } = await register(ingest, 'left');
    expect(before).toEqual(first);
    expect(after).toEqual(first);
  });

  it('given two who change one editor at once, then both changes hold', async () => {
    const [one, two] = [await registryAs('ingest'), await registryAs('ingest')];
    await Promise.all([
      ...Array.from({ length: 4 }, (_, at) => register(one, 'both', `Game@${at}`)),
      pause(two, 'both', 'ops'),
    ]);
    await expect
      .poll(() => one.entries.get('both'))
      .toMatchObject({ registered: true, paused: { by: 'ops' } });
    expect(await registryAs('worker').then((fresh) => fresh.entries.get('both'))).toEqual(
      one.entries.get('both'),
    );
  });

  it('given a removed entry, then it is gone everywhere, from those who start later too, and can be made again', async () => {
    const [ingest, worker] = [await registryAs('ingest'), await registryAs('worker')];
    await register(ingest, 'gone');
    await expect.poll(() => worker.entries.has('gone')).toBe(true);
    await ingest.change('gone', (before) => removedEntry(before, NOW));
    expect(ingest.entries.has('gone')).toBe(false);
    await expect.poll(() => worker.entries.has('gone')).toBe(false);
    expect((await registryAs('worker')).entries.has('gone')).toBe(false);
    await register(ingest, 'gone');
    await expect.poll(() => worker.entries.has('gone')).toBe(true);
  });

  it('given kill -9 of the server, then what was stored is there and later changes come', async () => {
    const [ingest, worker] = [await registryAs('ingest'), await registryAs('worker')];
    await pause(ingest, 'right', 'ops');
    await server.kill();
    await expect
      .poll(async () => (await register(ingest, 'right').catch(() => undefined))?.after, { timeout: 20_000 })
      .toBeTruthy();
    await expect
      .poll(() => worker.entries.get('right'), { timeout: 20_000 })
      .toMatchObject({ registered: true, paused: { by: 'ops' } });
    const fresh = await registryAs('worker');
    expect([...fresh.entries.keys()].sort()).toEqual([...ingest.entries.keys()].sort());
  });

  it('given a worker, then it may read and not write', async () => {
    const worker = await registryAs('worker');
    await expect(pause(worker, 'left', 'me')).rejects.toThrow();
  });
});
