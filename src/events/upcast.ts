import { SparkError } from '../core/errors.js';
import { EVENT_VERSION, type SparkEvent } from './event.js';

/** Lifts an event one version up; the key is the version it takes. An entry stays for as long as a log may hold that version. */
export type Upcasters = ReadonlyMap<number, (event: Record<string, unknown>) => Record<string, unknown>>;

/**
 * One entry a version, each with a stored log of a build that wrote it in its test (test/fixtures/logs). What an entry fills in is what the
 * absence meant then, nothing better: docs/schema-evolution.md.
 */
const UPCASTERS: Upcasters = new Map([[1, sayWhatAbsenceMeant]]);

export class UnknownEventVersionError extends SparkError {
  readonly code = 'unknown_event_version';
}

/** A stored event of any known version as today's. Throws `UnknownEventVersionError` for one that this build cannot read. */
export function upcast(
  stored: Record<string, unknown>,
  upcasters: Upcasters = UPCASTERS,
  target: number = EVENT_VERSION,
): SparkEvent {
  let event = stored;
  while (event['v'] !== target) {
    const lift = upcasters.get(Number(event['v']));
    if (!lift)
      throw new UnknownEventVersionError(
        `event version ${String(event['v'])} is unknown to this build (${target}): upgrade SPARK`,
      );
    event = lift(event);
  }
  return event as unknown as SparkEvent;
}

/**
 * 1 → 2: `preview.cached` and `intent.missingFolders` are always there. A build that did not say had no cache, and made no folder or could
 * not see whether it did, which nobody can tell apart any more.
 */
function sayWhatAbsenceMeant(event: Record<string, unknown>): Record<string, unknown> {
  const { preview, intent, intents } = event;
  return {
    ...event,
    v: 2,
    ...(isRecord(preview) ? { preview: { cached: false, ...preview } } : {}),
    ...(isRecord(intent) ? { intent: withFolders(intent) } : {}),
    ...(Array.isArray(intents) ? { intents: intents.map(withFolders) } : {}),
  };
}

function withFolders(intent: unknown): unknown {
  return isRecord(intent) ? { missingFolders: [], ...intent } : intent;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
