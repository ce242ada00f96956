import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../src/commands/limits.js';
import { HTTP_LIMITS } from '../../src/http/limits.js';
import { type Harness, startHarness, TOKEN } from '../support/httpHarness.js';
import { png } from '../support/sampleFiles.js';
import { WindowClock } from '../support/windowClock.js';

const opened: { harness: Harness; requests: ClientRequest[] }[] = [];
afterEach(async () => {
  for (const { harness, requests } of opened.splice(0)) {
    for (const request of requests) request.destroy();
    await harness.server.stop();
  }
});

async function start(change: Parameters<typeof startHarness>[0] = {}) {
  const harness = await startHarness(change);
  const requests: ClientRequest[] = [];
  opened.push({ harness, requests });
  /** An upload that claims to be as large as may be, and has sent so much of it. */
  const begun = (sent: Buffer): { request: ClientRequest; answer: Promise<IncomingMessage> } => {
    const { port } = harness.server.address();
    const request = httpRequest({
      ...{ host: '127.0.0.1', port, method: 'POST', path: '/v1/uploads', agent: false },
      headers: {
        authorization: `Bearer ${TOKEN}`,
        'content-type': 'image/png',
        'content-length': String(LIMITS.uploadBytes),
      },
    });
    request.on('error', () => undefined);
    requests.push(request);
    request.write(sent);
    return { request, answer: new Promise((resolve) => request.once('response', resolve)) };
  };
  const post = () =>
    harness.call('POST', '/v1/uploads', { raw: png(), headers: { 'content-type': 'image/png' } });
  return { begun, post };
}

const codeOf = async (answer: Promise<IncomingMessage>) => {
  const response = await answer;
  const problem = (await json(response)) as { readonly code: string };
  return [response.statusCode, problem.code];
};

describe('the room for uploads', () => {
  it('given clients that claim much and send little, then others are served until 32 are under way', async () => {
    const clock = new WindowClock();
    const { begun, post } = await start({ clock });
    const { request } = begun(png());
    for (let n = 2; n < HTTP_LIMITS.uploadsAtOnce; n++) begun(png());
    await clock.waiting(HTTP_LIMITS.uploadsAtOnce - 1);
    expect((await post()).status).toBe(201);
    begun(png());
    await clock.waiting(HTTP_LIMITS.uploadsAtOnce);
    const refused = await post();
    expect([refused.status, refused.json['code']]).toEqual([503, 'uploads_busy']);
    request.destroy();
    await expect.poll(async () => (await post()).status, { timeout: 5_000 }).toBe(201);
  });

  it('given an upload that stops coming, then it is answered with 408 after the window, and its place is free', async () => {
    const clock = new WindowClock();
    const { begun, post } = await start({ clock });
    const uploads = Array.from({ length: HTTP_LIMITS.uploadsAtOnce }, () => begun(png()));
    await clock.waiting(uploads.length);
    clock.pass();
    const answers = await Promise.all(uploads.map(({ answer }) => codeOf(answer)));
    expect(new Set(answers.map(String))).toEqual(new Set(['408,too_slow']));
    await expect.poll(async () => (await post()).status, { timeout: 5_000 }).toBe(201);
  });

  it('given more bytes at once than there is room for, then one that has no room any more is refused, and its bytes let go', async () => {
    const { begun, post } = await start({ clock: new WindowClock() });
    const part = Buffer.alloc(LIMITS.uploadBytes - 1_000, 1);
    const room = Math.floor(HTTP_LIMITS.uploadsHeldBytes / part.length);
    const uploads = Array.from({ length: room + 1 }, () => begun(part));
    expect(await Promise.race(uploads.map(({ answer }) => codeOf(answer)))).toEqual([503, 'uploads_busy']);
    for (const { request } of uploads) request.destroy();
    await expect.poll(async () => (await post()).status, { timeout: 5_000 }).toBe(201);
  });
});
