import type { World } from '../world.js';

/** Files (`editor path`) that only SPARK has touched, and whose every change it is certain of. */
export function blamelessFiles({ history, editors }: World): Set<string> {
  const places = new Set<string>();
  for (const { editor, path } of history.effects) places.add(`${editor} ${path}`);
  for (const [editor, files] of history.initial)
    for (const path of files.keys()) places.add(`${editor} ${path}`);
  for (const { editor, path, by } of history.effects) {
    const uncertain = by === null || history.endOf(by.commandId)?.outcome === 'outcome_unknown';
    if (uncertain) places.delete(`${editor} ${path}`);
  }
  for (const [commandId, starts] of history.starts) {
    if (history.endOf(commandId)?.outcome !== 'outcome_unknown') continue;
    for (const { event } of starts)
      if (event.kind === 'started')
        for (const { editor, path } of [event.intent ?? [], event.intents ?? []].flat())
          places.delete(`${editor} ${path}`);
  }
  for (const name of editors.keys())
    if (!history.initial.has(name)) throw new Error(`no beginning of ${name}`);
  return places;
}
