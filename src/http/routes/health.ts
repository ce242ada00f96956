import type { Metrics } from '../../observability/metrics.js';
import type { App } from '../app.js';
import type { Readiness } from '../readiness.js';

export interface HealthDeps {
  readonly readiness: Readiness;
  readonly metrics: Metrics;
  readonly version: string;
  readonly keys: KeyPromise;
}

/** How long an idempotency key holds: for its term, or until so many younger ones have come, whichever is first. */
export interface KeyPromise {
  readonly termMs: number;
  readonly maxKeys: number;
}

/** What orchestrators and people ask first. Open, all but `/metrics` off loopback (frontDoor.ts). Kept out of the API's document. */
export function registerHealth(app: App, { readiness, metrics, version, keys }: HealthDeps): void {
  const hidden = { schema: { hide: true } };
  /** Alive: this process answers. Says nothing about what stands behind it, or a restart would be the cure for their faults. */
  app.get('/livez', hidden, async (_request, reply) => fresh(reply).send({ status: 'ok' }));

  /** Ready: send it work. 503 while a check fails or the process is stopping. */
  app.get('/readyz', hidden, async (_request, reply) => {
    const report = await readiness.report();
    return fresh(reply)
      .code(report.status === 'ok' ? 200 : 503)
      .send(report);
  });

  /** For people: the same checks, but 200 as long as anybody answers. */
  app.get('/healthz', hidden, async (_request, reply) => {
    const report = await readiness.report();
    return fresh(reply).send({
      ...report,
      status: report.status === 'failing' ? 'degraded' : report.status,
      version,
    });
  });

  app.get('/version', hidden, async (_request, reply) =>
    fresh(reply).send({
      name: 'spark',
      version,
      node: process.version,
      idempotencyKeys: { termSeconds: keys.termMs / 1_000, maxKeys: keys.maxKeys },
    }),
  );

  app.get('/metrics', hidden, async (_request, reply) => {
    const text = await metrics.text();
    return fresh(reply).type(metrics.contentType).send(text);
  });
}

function fresh<T extends { header(name: string, value: string): T }>(reply: T): T {
  return reply.header('cache-control', 'no-store');
}
