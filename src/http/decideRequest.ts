import { definitionOf } from '../commands/catalogue.js';
import { type CommandRequest, DEFAULT_EDITOR, DEFAULT_PRIORITY } from '../commands/envelope.js';
import { problemsOf } from '../commands/problems.js';
import { validatePayload } from '../commands/validate.js';
import type { EditorId, SessionId } from '../core/ids.js';
import type { Principal } from './auth.js';
import { chooseKey } from './idempotencyKey.js';
import { draft, draftOfRefusal, type ProblemDraft } from './problem.js';
import { type CommandBody, commandRequest } from './requestSchema.js';

export type Decided =
  | { readonly ok: true; readonly request: CommandRequest }
  | { readonly ok: false; readonly problem: ProblemDraft };

export interface Asker {
  readonly principal: Principal;
  readonly traceparent: string;
  /** The `Idempotency-Key` header. */
  readonly keyHeader?: string | readonly string[] | undefined;
}

/** Turns one item of a body into a request, or into the problem that says why not. Pure: nothing is stored yet. */
export function decideRequest(item: unknown, asker: Asker): Decided {
  const envelope = commandRequest.safeParse(item);
  if (!envelope.success) return invalid(problemsOf(envelope.error));
  const body = envelope.data;
  const allowed = checkScope(body.type, asker.principal);
  if (allowed) return { ok: false, problem: allowed };
  const payload = validatePayload(body.type, body.payload);
  if (!payload.ok) return { ok: false, problem: draftOfRefusal(payload.refusal) };
  const key = chooseKey(asker.keyHeader, body.idempotencyKey);
  if (!key.ok) return key;
  // As it was sent, defaults left out: the key's payload must be the same one that a raw publish of it has.
  return { ok: true, request: requestOf(body, key.key, asker) };
}

/** An unknown command needs no scope: it is left to the validation, which says that it is unknown. */
function checkScope(type: string, principal: Principal): ProblemDraft | undefined {
  const missing = definitionOf(type)?.scopes.find((scope) => !principal.scopes.has(scope));
  return missing === undefined
    ? undefined
    : draft('forbidden', `"${type}" needs the scope "${missing}", which this token does not have`);
}

function requestOf(body: CommandBody, key: string | null, asker: Asker): CommandRequest {
  return {
    type: body.type,
    sessionId: body.sessionId as SessionId,
    editor: (body.editor ?? DEFAULT_EDITOR) as EditorId,
    payload: body.payload,
    idempotencyKey: key,
    actor: body.actor ?? asker.principal.name,
    credential: asker.principal.name,
    correlationId: body.correlationId ?? null,
    causationId: body.causationId ?? null,
    deadline: body.deadline === undefined ? null : new Date(body.deadline).toISOString(),
    priority: body.priority ?? DEFAULT_PRIORITY,
    traceparent: body.traceparent ?? asker.traceparent,
  };
}

function invalid(errors: ReturnType<typeof problemsOf>): Decided {
  const [first] = errors;
  const detail = first ? `${first.pointer || '/'}: ${first.message}` : 'the request does not fit its schema';
  return { ok: false, problem: draft('schema_violation', detail, { errors }) };
}
