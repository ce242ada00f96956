import { SparkError } from '../core/errors.js';
import { EVENT_VERSION, type SparkEvent } from './event.js';

/** Lifts an event one version up; the key is the version it takes. An entry stays for as long as a log may hold that version. */
export type Upcasters = ReadonlyMap<number, (event: Record<string, unknown>) => Record<string, unknown>>;

/** Version 1 is the first, so there is nothing to lift yet: the next version adds its entry here, with a stored log in its test. */
const UPCASTERS: Upcasters = new Map();

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
