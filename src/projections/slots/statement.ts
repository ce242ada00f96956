import { sha256 } from '../../core/ids.js';
import type { TableName } from '../readModels.js';
import type { Tables } from './tables.js';

/** Postgres keeps so much of a statement's name. */
const NAME_MAX_CHARS = 63;

/** A prepared statement: on a connection its name stands for one text. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * A statement over tables of the slots, rendered once for each place they can lie in; the name tells the places apart. `uses`: every
 * table that `render` names.
 */
export function slotStatement(
  name: string,
  uses: readonly [TableName, ...TableName[]],
  render: (tables: Tables) => string,
): (tables: Tables) => Statement {
  const rendered = new Map<string, Statement>();
  return (tables) => {
    const schemas = uses.map((table) => tables.schemaOf(table));
    const place = schemas.every((schema) => schema === schemas[0]) ? schemas[0] : schemas.join();
    const key = `${name}:${place}`;
    const known = rendered.get(key);
    if (known !== undefined) return known;
    const short = key.length <= NAME_MAX_CHARS ? key : `${name}:${sha256(key).slice(0, 16)}`;
    const statement = { name: short, text: render(tables) };
    rendered.set(key, statement);
    return statement;
  };
}
