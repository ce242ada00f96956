import { afterEach, describe, expect, it } from 'vitest';
import { type FakeSpark, json, problem, startFakeSpark } from './fakeSpark.js';
import { spark } from './runSpark.js';

const ID = '4f0c21d6-2d3e-8b8a-9c63-1b1f6a0d7e55';
const ROUTE = `POST /v1/commands/${ID}/reconcile`;
let server: FakeSpark | undefined;
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

describe('spark reconcile', () => {
  it.each([
    ['--applied', 'applied'],
    ['--not-applied', 'not_applied'],
  ])('given %s, then that is what SPARK is told, and its answer is shown', async (flag, verdict) => {
    server = await startFakeSpark({
      [ROUTE]: (_, response) => json(response, 200, { commandId: ID, verdict, actor: 'token' }),
    });
    const ran = await spark(['reconcile', ID, flag, '--text', 'seen in the editor', '--url', server.url]);
    expect([ran.exitCode, ran.out]).toEqual([0, `reconciled as ${verdict}  ${ID}\n`]);
    expect(server.seen[0]?.body).toEqual({ verdict, text: 'seen in the editor' });
  });

  it.each([[['--text', 'x']], [['--applied']], [['--applied', '--not-applied', '--text', 'x']]])(
    'given %j, then it is a usage error and nothing is sent',
    async (args) => {
      server = await startFakeSpark({});
      const ran = await spark(['reconcile', ID, ...args, '--url', server.url]);
      expect([ran.exitCode, server.seen]).toEqual([2, []]);
    },
  );

  it('given somebody has said so before, then it fails with the code of the problem', async () => {
    server = await startFakeSpark({
      [ROUTE]: (_, response) => problem(response, 409, { code: 'already_reconciled', detail: 'said before' }),
    });
    const ran = await spark(['reconcile', ID, '--applied', '--text', 'x', '--url', server.url]);
    expect(ran.exitCode).not.toBe(0);
    expect(ran.err).toContain('already_reconciled');
  });
});
