import type pg from 'pg';
import type { LoggedEvent } from '../../events/event.js';
import { jsonbText } from '../../postgres/jsonText.js';
import { slotStatement } from '../slots/statement.js';
import type { Tables } from '../slots/tables.js';

/** What an operator said about a command whose outcome is unknown. */
export interface Reconciled {
  readonly commandId: string;
  readonly seq: number;
  readonly said: {
    readonly verdict: string;
    readonly text: string;
    readonly actor: string;
    readonly at: string;
  };
}

export function reconciledIn({ event, seq }: LoggedEvent): Reconciled | undefined {
  if (event.kind !== 'noted' || event.note.kind !== 'reconciled') return undefined;
  const { verdict, text, actor } = event.note;
  return { commandId: event.commandId, seq, said: { verdict, text, actor, at: event.timestamp } };
}

/** Beside the error, once: the state stays what it is. Of what the log tells later it knows nothing, whatever batch it comes in. */
const note = slotStatement(
  'note-reconciled',
  ['command_states'],
  (tables) => `
  UPDATE ${tables.of('command_states')} SET error = error || jsonb_build_object('reconciled', $2::jsonb)
  WHERE command_id = $1 AND state = 'outcome_unknown' AND error IS NOT NULL AND NOT error ? 'reconciled' AND last_seq < $3`,
);

/** After the batch's commands, so that an end of the same batch is there. Rare: one statement each. */
export async function writeReconciled(
  client: pg.ClientBase,
  tables: Tables,
  notes: readonly Reconciled[],
): Promise<void> {
  if (notes.length === 0 || !tables.has('command_states')) return;
  for (const { commandId, seq, said } of notes)
    await client.query({ ...note(tables), values: [commandId, jsonbText(said), seq] });
}
