import { afterEach, describe, expect, it } from 'vitest';
import { type FakeSpark, type Handler, json, problem, startFakeSpark } from './fakeSpark.js';
import { spark } from './runSpark.js';

const ID = '4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55';

let server: FakeSpark | undefined;
const answering = async (handler: Handler): Promise<FakeSpark> => {
  server = await startFakeSpark({ [`POST /v1/commands/${ID}/cancel`]: handler });
  return server;
};
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

describe('spark cancel', () => {
  it('asks with the reason and says what became of it', async () => {
    const { url, seen } = await answering((_, response) =>
      json(response, 202, { commandId: ID, status: 'cancelling', state: 'accepted' }),
    );
    const ran = await spark(['cancel', ID, '--reason', 'typo', '--url', url]);
    expect([ran.exitCode, seen[0]?.body, seen[0]?.headers['prefer']]).toEqual([
      0,
      { reason: 'typo' },
      undefined,
    ]);
    expect(ran.out).toContain(`cancelling  ${ID}`);
  });

  it.each([
    [200, 'cancelled', 0],
    [200, 'too_late', 5],
    [202, 'cancelling', 4],
  ])('with --wait, given %i and "%s", exits with %i', async (status, word, exitCode) => {
    const { url, seen } = await answering((_, response) =>
      json(response, status, { commandId: ID, status: word, state: 'started' }),
    );
    const ran = await spark(['cancel', ID, '--wait', '3', '--url', url]);
    expect([ran.exitCode, seen[0]?.headers['prefer']]).toEqual([exitCode, 'wait=3']);
  });

  it('given one that has ended, is a conflict', async () => {
    const { url } = await answering((_, response) =>
      problem(response, 409, { code: 'already_ended', detail: 'the command has ended already: completed' }),
    );
    const ran = await spark(['cancel', ID, '--url', url]);
    expect(ran.exitCode).toBe(5);
    expect(ran.err).toContain('already_ended');
  });
});
