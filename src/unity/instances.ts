import { cleanText, isRecord } from './cleanText.js';
import type { UnityServer } from './unityServer.js';

/** The Unity editors that a server knows, as `GET /api/instances` tells. */
export type Instances =
  | {
      readonly kind: 'known';
      readonly ids: readonly string[];
      /** Unity's session with the server, by id: a new one after each domain reload. Empty where the server does not tell. */
      readonly sessions: ReadonlyMap<string, string>;
    }
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
  const sessions = new Map<string, string>();
  const ids = listed.filter(isRecord).flatMap((one) => {
    const { project, hash, session_id: session } = one;
    if (typeof project !== 'string' || typeof hash !== 'string') return [];
    const id = `${project}@${hash}`;
    if (typeof session === 'string') sessions.set(id, session);
    return [id];
  });
  return { kind: 'known', ids, sessions };
}
