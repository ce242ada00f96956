import type pg from 'pg';
import type { LoggedEvent } from '../../events/event.js';
import { jsonbText } from '../../postgres/jsonText.js';

/** What an operator said about a command whose outcome is unknown. */
export interface Reconciled {
  readonly commandId: string;
  readonly said: {
    readonly verdict: string;
    readonly text: string;
    readonly actor: string;
    readonly at: string;
  };
}

export function reconciledIn({ event }: LoggedEvent): Reconciled | undefined {
  if (event.kind !== 'noted' || event.note.kind !== 'reconciled') return undefined;
  const { verdict, text, actor } = event.note;
  return { commandId: event.commandId, said: { verdict, text, actor, at: event.timestamp } };
}

/** Beside the error, once: the state stays what it is. Whatever batch it comes in, the row is the same afterwards. */
const NOTE = `
  UPDATE spark.command_states SET error = error || jsonb_build_object('reconciled', $2::jsonb)
  WHERE command_id = $1 AND state = 'outcome_unknown' AND error IS NOT NULL AND NOT error ? 'reconciled'`;

/** After the batch's commands, so that an end of the same batch is there. Rare: one statement each. */
export async function writeReconciled(client: pg.ClientBase, notes: readonly Reconciled[]): Promise<void> {
  for (const { commandId, said } of notes)
    await client.query({ name: 'note-reconciled', text: NOTE, values: [commandId, jsonbText(said)] });
}
