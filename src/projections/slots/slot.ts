/** Every read model lies twice in Postgres, with the same layout; a pointer row says which one is live (migrations/0020_read_model_slots.sql). */
export type Slot = 'blue' | 'green';

export function otherSlot(slot: Slot): Slot {
  return slot === 'blue' ? 'green' : 'blue';
}

/** The schema a slot's tables lie in. */
export function schemaOfSlot(slot: Slot): string {
  return `spark_${slot}`;
}

/** Both slots have one layout: temporary tables are made after this one. */
export const LAYOUT_SCHEMA = schemaOfSlot('blue');
