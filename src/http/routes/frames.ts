import { z } from 'zod';
import { type App, needs, reading } from '../app.js';
import { goneSignal } from '../hotPath.js';
import { HTTP_LIMITS } from '../limits.js';
import type { Feed } from '../ports.js';
import { draft, ProblemError } from '../problem.js';
import { readAfterHeader, readsOf } from '../readAfter.js';
import type { ReadModels } from '../readPort.js';
import { rawAnswers } from '../responses.js';
import { matches } from './commands.js';

const IMAGE_TYPES = new Set(['image/png', 'image/jpeg']);

/** `GET /v1/frames/{sha}`: the bytes of a preview. Named by their hash, so they never change. */
export function registerFrames(app: App, deps: { readonly reads: ReadModels; readonly feed: Feed }): void {
  app.get(
    '/v1/frames/:sha',
    {
      onRequest: needs('read'),
      schema: {
        summary: 'The picture of a preview',
        tags: ['previews'],
        params: z.object({ sha: z.string() }),
        headers: readAfterHeader,
        response: rawAnswers('The bytes', ['image/png', 'image/jpeg'], [404, 422, 503]),
      },
    },
    async (request, reply) => {
      const { sha } = request.params;
      const reads = await readsOf(deps.reads, request, reply);
      const find = async (named: string) => (await reading(reads.frame(named), reply)).data;
      let frame = /^[0-9a-f]{64}$/.test(sha) ? await find(sha) : undefined;
      if (!frame && /^[0-9a-f]{64}$/.test(sha)) {
        // A viewer follows a live event before the read model has it: wait for what this process knows to have happened.
        const signal = goneSignal(reply.raw);
        await deps.reads
          .waitForSeq(deps.feed.lastSeq(), HTTP_LIMITS.listCatchUpMs, signal)
          .catch(() => undefined);
        frame = await find(sha);
      }
      if (!frame) throw new ProblemError(draft('not_found', 'there is no frame with this sha-256'));
      const etag = `"${sha}"`;
      reply.headers({ etag, 'cache-control': 'private, max-age=31536000, immutable' });
      if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
      // Bytes that came out of an editor: shown as a picture or not at all, never as a page of ours.
      const known = IMAGE_TYPES.has(frame.mime);
      reply.header('content-disposition', known ? 'inline' : 'attachment');
      return reply.type(known ? frame.mime : 'application/octet-stream').send(Buffer.from(frame.bytes));
    },
  );
}
