import { z } from 'zod';
import { messageOf } from '../../core/errors.js';
import type { Api } from '../api.js';
import { type Finding, ill, well } from './finding.js';

const TIMEOUT_MS = 5_000;

const readyBody = z.looseObject({
  checks: z.array(z.looseObject({ name: z.string(), ok: z.boolean(), detail: z.string().default('') })),
});

/** Whether the API answers, each of its own readiness checks, and whether our token is taken. */
export async function checkHttp(api: Api): Promise<Finding[]> {
  let live: Finding;
  try {
    const reply = await api.ask({ path: '/livez' }, TIMEOUT_MS);
    live =
      reply.status === 200
        ? well('http', api.url)
        : ill('http', `${api.url}/livez answers ${reply.status}`, 'Is the URL that of a SPARK?');
  } catch (error) {
    return [ill('http', messageOf(error), 'Start SPARK (npm start), or correct --url / SPARK_URL.')];
  }
  return [live, ...(live.ok ? [...(await checkReady(api)), await checkToken(api)] : [])];
}

async function checkReady(api: Api): Promise<Finding[]> {
  try {
    const reply = await api.ask({ path: '/readyz' }, TIMEOUT_MS);
    const parsed = readyBody.safeParse(reply.body);
    if (!parsed.success)
      return [
        reply.status === 200
          ? well('ready', 'ready')
          : ill('ready', `/readyz answers ${reply.status}`, 'Wait a moment; if it stays, look at its log.'),
      ];
    return parsed.data.checks.map((check) =>
      check.ok
        ? well(`ready: ${check.name}`, check.detail)
        : ill(
            `ready: ${check.name}`,
            check.detail,
            'See the finding of that part below, and the log of SPARK.',
          ),
    );
  } catch (error) {
    return [ill('ready', messageOf(error), 'SPARK is alive but does not answer /readyz: look at its log.')];
  }
}

async function checkToken(api: Api): Promise<Finding> {
  try {
    const reply = await api.ask({ path: '/v1/commands?limit=1' }, TIMEOUT_MS);
    if (reply.status === 401)
      return ill(
        'token',
        'not accepted',
        'Use the one endpoints.json or your operator gives: --token or SPARK_TOKEN.',
      );
    if (reply.status === 403)
      return ill('token', 'lacks the scope "read"', 'Ask for a token with more scopes.');
    return well('token', 'accepted');
  } catch (error) {
    return ill('token', messageOf(error), 'Look at the log of SPARK.');
  }
}
