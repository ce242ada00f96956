import { z } from 'zod';
import { definitionOf, type EffectClass } from '../../commands/catalogue.js';
import type { Clock } from '../../core/clock.js';
import { UUID_PATTERN } from '../../core/ids.js';
import { isTerminal } from '../../events/outcome.js';
import { type App, sendAnswer } from '../app.js';
import type { Principal } from '../auth.js';
import { awaitOutcome, type LookupPorts, lookUp } from '../commandLookup.js';
import { type CommandView, commandState } from '../commandView.js';
import { goneSignal } from '../hotPath.js';
import type { Cancellations } from '../ports.js';
import { preferredWaitMs } from '../prefer.js';
import { draft, ProblemError } from '../problem.js';
import { principalOf } from '../requestContext.js';
import { answers } from '../responses.js';

export interface CancelRouteDeps {
  readonly lookup: LookupPorts;
  readonly cancels: Cancellations;
  readonly clock: Clock;
  readonly stopping: AbortSignal;
}

const MAX_REASON_CHARACTERS = 500;
const body = z
  .strictObject({ reason: z.string().max(MAX_REASON_CHARACTERS).optional() })
  .optional()
  .nullable();

const cancelAnswer = z
  .object({
    commandId: z.string(),
    status: z
      .enum(['cancelling', 'cancelled', 'too_late'])
      .describe('`too_late`: it may have taken effect already, so it is finished as what it is'),
    state: commandState.describe('Of the command, as far as it is known now'),
  })
  .describe('The wish is stored; a command that is not too far ends as `cancelled`');

/** What is finished rather than dropped once it has begun: it may have changed something. */
const FINISHED: ReadonlySet<EffectClass> = new Set([
  'file_change',
  'asset',
  'opaque',
  'compensation',
  'composite',
  'record',
]);

/** `POST /v1/commands/{id}/cancel`. */
export function registerCancel(app: App, deps: CancelRouteDeps): void {
  app.post(
    '/v1/commands/:id/cancel',
    {
      schema: {
        summary: 'Cancel a command',
        description:
          'A command that waits ends as `cancelled` and is not executed; previews, looks, calls to services and builds are stopped; a change that has begun is finished, and the status says `too_late`. Needs the scopes of the command, or `admin`. `Prefer: wait=10` waits for the end.',
        tags: ['commands'],
        params: z.object({ id: z.string() }),
        body,
        response: answers({ 200: cancelAnswer, 202: cancelAnswer }, [404, 409, 422, 503]),
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const principal = principalOf(request.raw);
      const before = await find(deps.lookup, id);
      authorize(principal, before);
      if (isTerminal(before.state))
        throw new ProblemError(
          draft('already_ended', `the command has ended already: ${before.state}`, {
            commandId: id,
            state: before.state,
          }),
        );
      const { reason = null } = request.body ?? {};
      const at = new Date(deps.clock.nowMs()).toISOString();
      await stored(deps.cancels.cancel({ commandId: id, reason, actor: principal.name, at }));
      const waitMs = preferredWaitMs(request.headers['prefer']);
      const signal = AbortSignal.any([deps.stopping, goneSignal(reply.raw)]);
      const end = waitMs > 0 ? await awaitOutcome(deps.lookup, id, waitMs, signal) : undefined;
      const view = end ?? before;
      return sendAnswer(reply, {
        status: end ? 200 : 202,
        headers: {
          'content-type': 'application/json; charset=utf-8',
          'cache-control': 'no-store',
          ...(end ? { 'preference-applied': 'wait' } : {}),
        },
        body: { commandId: id, status: statusOf(view), state: view.state },
      });
    },
  );
}

function statusOf({ state, type }: CommandView): 'cancelling' | 'cancelled' | 'too_late' {
  if (state === 'cancelled') return 'cancelled';
  if (isTerminal(state)) return 'too_late';
  const effect = definitionOf(type ?? '')?.effect;
  return state === 'started' && effect !== undefined && FINISHED.has(effect) ? 'too_late' : 'cancelling';
}

/** Whoever may ask for such a command may take it back. */
function authorize({ scopes }: Principal, { type }: CommandView): void {
  if (scopes.has('admin')) return;
  const definition = definitionOf(type ?? '');
  const missing = definition?.scopes.find((scope) => !scopes.has(scope));
  if (definition && missing === undefined) return;
  const needed = missing ? `the scope "${missing}" of ${type}, or "admin"` : 'the scope "admin"';
  throw new ProblemError(draft('forbidden', `cancelling this command needs ${needed}`));
}

async function find(lookup: LookupPorts, id: string): Promise<CommandView> {
  const found = UUID_PATTERN.test(id) ? await lookUp(lookup, id) : { kind: 'unknown' as const };
  if (found.kind === 'found') return found.view;
  if (found.kind === 'unknown')
    throw new ProblemError(draft('not_found', 'there is no command with this id'));
  throw new ProblemError(
    draft('read_models_unavailable', 'nobody who answers knows this command, and the read models are away', {
      retryAfterMs: 1_000,
    }),
    found.cause,
  );
}

async function stored(put: Promise<void>): Promise<void> {
  try {
    await put;
  } catch (error) {
    throw new ProblemError(
      draft('unavailable', 'the wish could not be stored; nothing was cancelled, ask again', {
        retryAfterMs: 1_000,
      }),
      error,
    );
  }
}
