import { READ_MODELS, type TableName } from '../readModels.js';
import { type Slot, schemaOfSlot } from './slot.js';

const ALL: readonly TableName[] = READ_MODELS.map(({ table }) => table);

/**
 * Where the rows of read models go: a schema for each table. A rebuild of some read models has only their tables, and writers pass over
 * those that are not there. Immutable.
 */
export class Tables {
  readonly #schemas: ReadonlyMap<TableName, string>;
  /** `checkpoints.slots_version` of the pointers this was read from; null: a fixed place that no flip moves. */
  readonly version: number | null;

  private constructor(schemas: ReadonlyMap<TableName, string>, version: number | null) {
    this.#schemas = schemas;
    this.version = version;
  }

  /** These tables (all by default) of one slot, wherever the pointers point. */
  static inSlot(slot: Slot, tables: readonly TableName[] = ALL): Tables {
    return Tables.inSchema(schemaOfSlot(slot), tables);
  }

  /** These tables in any schema that has them, e.g. a scratch one. The schema's name is part of statements: letters, digits and `_` only. */
  static inSchema(schema: string, tables: readonly TableName[] = ALL): Tables {
    if (!/^[a-z][a-z0-9_]{0,62}$/.test(schema)) throw new RangeError(`not a plain schema name: ${schema}`);
    return new Tables(new Map(tables.map((table) => [table, schema])), null);
  }

  /** Every table in the slot its pointer names. */
  static live(slots: ReadonlyMap<TableName, Slot>, version: number): Tables {
    return new Tables(new Map([...slots].map(([table, slot]) => [table, schemaOfSlot(slot)])), version);
  }

  /** These tables, each in a slot of its own, wherever the pointers point. */
  static inSlots(slots: ReadonlyMap<TableName, Slot>): Tables {
    return new Tables(new Map([...slots].map(([table, slot]) => [table, schemaOfSlot(slot)])), null);
  }

  has(table: TableName): boolean {
    return this.#schemas.has(table);
  }

  /** Throws for a table that is not among them: ask `has` first where that may be. */
  schemaOf(table: TableName): string {
    const schema = this.#schemas.get(table);
    if (schema === undefined) throw new RangeError(`${table} is not among the tables that are written here`);
    return schema;
  }

  /** The qualified name to read from and write to, as it stands in a statement. Throws as `schemaOf` does. */
  of(table: TableName): string {
    const schema = this.schemaOf(table);
    // A scratch schema may be called as SQL calls something of its own.
    return schema.startsWith('spark_') ? `${schema}.${table}` : `"${schema}".${table}`;
  }

  /** In the order of the registry. */
  get names(): readonly TableName[] {
    return ALL.filter((table) => this.#schemas.has(table));
  }

  /** Qualified names (`schema.table`, without quotes) of those that are partitioned by time. */
  get partitioned(): readonly string[] {
    return READ_MODELS.filter((model) => model.partitionedByDay && this.has(model.table)).map(
      ({ table }) => `${this.schemaOf(table)}.${table}`,
    );
  }
}
