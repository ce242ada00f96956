import { cleanText, isRecord } from './cleanText.js';
import type { UnityServer } from './unityServer.js';

/** The Unity editors that a server knows, as `GET /api/instances` tells. */
export type Instances =
  | { readonly kind: 'known'; readonly ids: readonly string[] }
  /** No such route: hosted mode. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'away'; readonly reason: string };

const TIMEOUT_MS = 2_000;

/** Ids `Name@hash`, exactly as the server spells them: they are compared and sent back, never shown unclean. */
export async function listInstances(server: UnityServer, signal: AbortSignal): Promise<Instances> {
  const reply = await server.get('/api/instances', TIMEOUT_MS, signal);
  if (reply.kind === 'absent') return { kind: 'absent' };
  if (reply.kind === 'failed')
    return { kind: 'away', reason: `the MCP server does not answer (${reply.reason})` };
  const listed = reply.body['instances'];
  if (reply.status !== 200 || !Array.isArray(listed)) {
    return {
      kind: 'away',
      reason: `the MCP server answers ${reply.status}: ${cleanText(reply.body['error'])}`,
    };
  }
  const ids = listed.filter(isRecord).flatMap((one) => {
    const { project, hash } = one;
    return typeof project === 'string' && typeof hash === 'string' ? [`${project}@${hash}`] : [];
  });
  return { kind: 'known', ids };
}
