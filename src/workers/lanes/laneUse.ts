import { definitionOf, type LaneUse } from '../../commands/catalogue.js';
import type { Command } from '../../commands/envelope.js';
import type { FileIntent, StartedEvent } from '../../events/event.js';

/**
 * How a command shares the lane of its editor, as far as it has come: `started` is its stored intent. An undo that was sent to one editor
 * and has begun on files of others alone does not need its own any more: it goes on beside the lane. In the lane it would wait for an
 * editor that is away, and whoever wants to work on those files waits for it.
 */
export function laneUseOf(
  { type, editor }: Pick<Command, 'type' | 'editor'>,
  started: Pick<StartedEvent, 'intent' | 'intents'> | undefined,
): LaneUse {
  const use = definitionOf(type)?.lane ?? 'exclusive';
  const intents = started ? intentsOf(started) : [];
  return intents.length > 0 && intents.every((intent) => intent.editor !== editor) ? 'beside' : use;
}

/** What a command has recorded that it will do to files; none before it began, and for what changes no files. */
export const intentsOf = ({
  intent,
  intents,
}: Pick<StartedEvent, 'intent' | 'intents'>): readonly FileIntent[] => intents ?? (intent ? [intent] : []);
