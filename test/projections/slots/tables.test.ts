import { describe, expect, it } from 'vitest';
import { READ_MODELS } from '../../../src/projections/readModels.js';
import { otherSlot } from '../../../src/projections/slots/slot.js';
import { slotStatement } from '../../../src/projections/slots/statement.js';
import { Tables } from '../../../src/projections/slots/tables.js';

const ALL = READ_MODELS.map(({ table }) => table);

describe('the tables of a slot', () => {
  it('given a slot, then every table lies in its schema, and no flip moves it', () => {
    const tables = Tables.inSlot('green');
    expect(tables.of('spark_events')).toBe('spark_green.spark_events');
    expect(tables.names).toEqual(ALL);
    expect(tables.version).toBeNull();
    expect(otherSlot('green')).toBe('blue');
  });

  it('given some tables of a scratch schema, then it has those alone, and says so of the others', () => {
    const tables = Tables.inSchema('until_noon', ['spark_sessions', 'command_states', 'spark_usage']);
    expect(tables.names).toEqual(['command_states', 'spark_sessions', 'spark_usage']);
    expect(tables.partitioned).toEqual(['until_noon.spark_usage']);
    expect(Tables.inSchema('then').of('spark_usage')).toBe('"then".spark_usage');
    expect(tables.has('spark_events')).toBe(false);
    expect(() => tables.of('spark_events')).toThrow(RangeError);
  });

  it('given a name that is no plain one, then it never gets into a statement', () => {
    for (const schema of ['', 'a b', 'a;drop', 'A', '"a"', 'a.b', 'ä', 'x'.repeat(64)])
      expect(() => Tables.inSchema(schema), schema).toThrow(RangeError);
  });

  it('given pointers, then each table is where its own points', () => {
    const tables = Tables.live(
      new Map(ALL.map((table) => [table, table === 'spark_events' ? 'green' : 'blue'])),
      7,
    );
    expect(tables.of('spark_events')).toBe('spark_green.spark_events');
    expect(tables.of('command_states')).toBe('spark_blue.command_states');
    expect(tables.version).toBe(7);
  });
});

describe('a statement over slots', () => {
  const join = slotStatement(
    'join',
    ['spark_events', 'command_states'],
    (tables) => `${tables.of('spark_events')} ${tables.of('command_states')}`,
  );

  it('given another place, then it has another name; given the same, the same', () => {
    const mixed = (events: 'blue' | 'green', states: 'blue' | 'green') =>
      Tables.live(
        new Map([
          ['spark_events', events],
          ['command_states', states],
        ]),
        1,
      );
    const places = [
      mixed('blue', 'blue'),
      mixed('green', 'green'),
      mixed('blue', 'green'),
      mixed('green', 'blue'),
    ].map(join);
    expect(new Set(places.map(({ name }) => name)).size).toBe(4);
    expect(new Set(places.map(({ text }) => text)).size).toBe(4);
    const long = ['a', 'b'].map((last) => join(Tables.inSchema(`${'x'.repeat(62)}${last}`)));
    expect(long[0]?.name).not.toBe(long[1]?.name);
    // What Postgres keeps of a statement's name.
    for (const { name } of [...places, ...long]) expect(name.length).toBeLessThan(64);
    expect(join(Tables.inSlot('blue'))).toBe(places[0]);
  });
});
