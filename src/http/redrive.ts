import { relationId, TRACEPARENT } from '../commands/metaFields.js';
import { parseJsonBody } from '../commands/parseBody.js';
import { uuidFrom } from '../core/ids.js';
import { parseTraceparent } from '../observability/traceparent.js';
import type { Principal } from './auth.js';
import { type Decided, decideRequest } from './decideRequest.js';
import { draft, draftOfRefusal, type ProblemDraft } from './problem.js';
import type { DeadLetterRow } from './readPort.js';

/** What to say differently than the letter did; what is absent stays as it was. */
export interface RedriveOverrides {
  readonly payload?: unknown;
  readonly type?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly editor?: string | undefined;
}

/** What a letter asked for, as far as it can be read. */
export interface OriginalRequest {
  readonly type?: string;
  readonly sessionId?: string;
  readonly editor?: string;
  readonly correlationId?: string;
  readonly priority?: number;
  readonly traceparent?: string;
  readonly payload:
    | { readonly kind: 'read'; readonly value: unknown }
    /** Longer than a dead letter keeps. */
    | { readonly kind: 'truncated' }
    | { readonly kind: 'malformed'; readonly problem: ProblemDraft };
}

/** Reads a letter of either form: a message with a subject of its own, or one item of an envelope that ingest published. */
export function originalOf(letter: DeadLetterRow): OriginalRequest {
  const bytes = Buffer.from(letter.body, letter.bodyEncoding === 'base64' ? 'base64' : 'utf8');
  if (letter.originalSubject.startsWith('spark.command-envelopes.')) return ofEnvelope(letter, bytes);
  const parsed = letter.bodyTruncated ? undefined : parseJsonBody(bytes);
  const payload: OriginalRequest['payload'] = !parsed
    ? { kind: 'truncated' }
    : parsed.ok
      ? { kind: 'read', value: parsed.value }
      : { kind: 'malformed', problem: draftOfRefusal(parsed.refusal) };
  const headers = new Map(Object.entries(letter.headers).map(([name, value]) => [name.toLowerCase(), value]));
  const priority = headers.get('spark-priority');
  return {
    ...ofSubject(letter.originalSubject),
    ...metaOf({
      correlationId: headers.get('spark-correlation-id'),
      traceparent: headers.get('traceparent'),
      priority: priority === undefined || priority === '' ? undefined : Number(priority),
    }),
    payload,
  };
}

function ofSubject(subject: string): Pick<OriginalRequest, 'type' | 'sessionId' | 'editor'> {
  const [, , editor, family, name, sessionId, ...more] = subject.split('.');
  if (more.length > 0 || !editor || !family || !name || !sessionId) return {};
  return { editor, type: `${family}.${name}`, sessionId };
}

function ofEnvelope(letter: DeadLetterRow, bytes: Uint8Array): OriginalRequest {
  if (letter.bodyTruncated) return { payload: { kind: 'truncated' } };
  const parsed = parseJsonBody(bytes);
  if (!parsed.ok) return { payload: { kind: 'malformed', problem: draftOfRefusal(parsed.refusal) } };
  const { items } = (parsed.value ?? {}) as { items?: readonly Record<string, unknown>[] };
  const item = items?.[letter.stream.index];
  if (!item)
    return {
      payload: { kind: 'malformed', problem: draft('malformed_json', 'the envelope has no such item') },
    };
  return {
    ...textsOf(item, ['type', 'sessionId', 'editor']),
    ...metaOf(item),
    payload: { kind: 'read', value: item['payload'] },
  };
}

const textsOf = <K extends string>(
  item: Record<string, unknown>,
  names: readonly K[],
): { [N in K]?: string } =>
  Object.fromEntries(
    names.flatMap((name) => (typeof item[name] === 'string' ? [[name, item[name]]] : [])),
  ) as { [N in K]?: string };

/** What is not well-formed of it is left out: a redrive must not fail again by a header that nobody can correct. */
function metaOf(item: {
  readonly correlationId?: unknown;
  readonly traceparent?: unknown;
  readonly priority?: unknown;
}): Pick<OriginalRequest, 'correlationId' | 'priority' | 'traceparent'> {
  const { priority, traceparent } = item;
  const correlationId = relationId.safeParse(item.correlationId);
  return {
    ...(correlationId.success ? { correlationId: correlationId.data } : {}),
    ...(Number.isInteger(priority) && Number(priority) >= 0 && Number(priority) <= 9
      ? { priority: Number(priority) }
      : {}),
    ...(typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? { traceparent } : {}),
  };
}

/** The trace that the original was part of. */
export function traceIdOf(original: OriginalRequest): string | null {
  return parseTraceparent(original.traceparent ?? '')?.traceId ?? null;
}

/** The same letter and number give the same key, so a redrive that is asked for twice is one command; `ts` tells streams of equal numbers apart. */
export function redriveKey(letter: Pick<DeadLetterRow, 'id' | 'ts'>, redrive: number): string {
  return `redrive-${uuidFrom('redrive', letter.id, letter.ts, redrive)}`;
}

/**
 * The new command of a redrive, or why there can be none. It is a command like any other: checked by its schema and the asker's
 * scopes, caused by the original, in the same correlation, without the original's deadline, which has passed by now.
 */
export function decideRedrive(
  letter: DeadLetterRow,
  overrides: RedriveOverrides,
  redrive: number,
  asker: { readonly principal: Principal; readonly traceparent: string },
): Decided {
  if (letter.source === 'projector')
    return refused('this is an event that could not be projected, not a command: nothing can be redriven');
  const original = originalOf(letter);
  const payload =
    'payload' in overrides && overrides.payload !== undefined
      ? ({ kind: 'read', value: overrides.payload } as const)
      : original.payload;
  if (payload.kind === 'truncated')
    return refused(
      'its body was longer than a dead letter keeps, so the command cannot be made again from it: submit the original anew, or give the whole "payload"',
    );
  if (payload.kind === 'malformed') return refused(`${payload.problem.detail}: give a corrected "payload"`);
  const type = overrides.type ?? original.type;
  const sessionId = overrides.sessionId ?? original.sessionId;
  const missing = [...(type ? [] : ['type']), ...(sessionId ? [] : ['sessionId'])];
  if (missing.length > 0)
    return refused(
      `its subject "${letter.originalSubject}" names no ${missing.join(' and no ')}: give ${missing.map((name) => `"${name}"`).join(' and ')}`,
    );
  return decideRequest(
    {
      type,
      sessionId,
      editor: overrides.editor ?? original.editor,
      payload: payload.value,
      idempotencyKey: redriveKey(letter, redrive),
      correlationId: original.correlationId ?? letter.commandId ?? undefined,
      causationId: letter.commandId ?? undefined,
      priority: original.priority,
    },
    { principal: asker.principal, traceparent: asker.traceparent },
  );
}

const refused = (detail: string): Decided => ({ ok: false, problem: draft('not_redrivable', detail) });
