import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { childContext, formatTraceparent, parseTraceparent } from '../../src/observability/traceparent.js';
import { startTracing, withSpan } from '../../src/observability/tracing.js';

const TRACE = 'a'.repeat(32);
const SPAN = 'b'.repeat(16);

describe('traceparent', () => {
  it('given a valid one, then it is read and written back', () => {
    const text = `00-${TRACE}-${SPAN}-01`;
    expect(parseTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, sampled: true });
    expect(formatTraceparent({ traceId: TRACE, spanId: SPAN, sampled: true })).toBe(text);
    expect(parseTraceparent(`01-${TRACE}-${SPAN}-00-more`)?.sampled).toBe(false);
  });

  it.each([
    undefined,
    '',
    'x',
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01-more`,
  ])('given %s, then it is none', (text) => {
    expect(parseTraceparent(text)).toBeUndefined();
  });

  it('given many spans, then each is its own, in its parent’s trace', () => {
    const parent = { traceId: TRACE, spanId: SPAN, sampled: true };
    const spans = Array.from({ length: 5_000 }, () => childContext(parent));
    expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(5_000);
    expect(spans.every(({ traceId, sampled }) => traceId === TRACE && sampled)).toBe(true);
    expect(childContext(undefined).traceId).toMatch(/^[0-9a-f]{32}$/);
  });
});

describe('withSpan without an endpoint', () => {
  it('given a parent, then only ids are made and the trace goes on', async () => {
    const stop = await startTracing({ endpoint: undefined, serviceName: 'spark', version: '0' });
    const seen = await withSpan('x', {}, `00-${TRACE}-${SPAN}-01`, async (span) => span.traceparent);
    expect(seen).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(seen).not.toContain(SPAN);
    await stop();
  });

  it('given a failure, then it is passed on', async () => {
    const failing = withSpan('x', {}, null, () => Promise.reject(new Error('boom')));
    await expect(failing).rejects.toThrow('boom');
  });
});

describe('withSpan with an OTLP endpoint', () => {
  const bodies: Buffer[] = [];
  const collector = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      bodies.push(req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
      res.end();
    });
  });
  afterAll(() => void collector.close());

  it('given nested spans, then they are exported in the parent’s trace, with name and service', async () => {
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
    const stop = await startTracing({ endpoint, serviceName: 'spark-test', version: '9.9.9' });
    const [outer, inner] = await withSpan(
      'outer span',
      { 'messaging.system': 'nats' },
      `00-${TRACE}-${SPAN}-01`,
      async (span) => [
        span.traceparent,
        await withSpan('inner span', {}, undefined, async (child) => child.traceparent),
      ],
      'server',
    );
    await stop();
    await stop();
    expect(outer).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    expect(inner?.slice(0, 35)).toBe(outer?.slice(0, 35));
    const sent = Buffer.concat(bodies);
    for (const text of ['outer span', 'inner span', 'spark-test', 'messaging.system'])
      expect(sent.includes(text)).toBe(true);
    expect(sent.includes(Buffer.from(TRACE, 'hex'))).toBe(true);
    const [, , outerSpanId = ''] = outer?.split('-') ?? [];
    // Twice: as its own id and as the inner one's parent.
    expect(sent.toString('hex').split(outerSpanId)).toHaveLength(3);
  });
});
