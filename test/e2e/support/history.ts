import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { Effect, Spark } from '../../support/spark.js';

export const shaOf = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex');

/** A script of about `bytes` bytes whose lines differ, so that an overwrite of one by another touches all of it. */
export function scriptOf(name: string, bytes: number): string {
  const lines = [`class ${name} {`];
  let size = lines[0]?.length ?? 0;
  for (let n = 0; size < bytes - 60; n++) {
    const line = `    // ${name} ${n} ${shaOf(`${name}${n}`).slice(0, 32)}`;
    lines.push(line);
    size += line.length + 1;
  }
  return `${lines.join('\n')}\n}\n`;
}

/** What the simulator really did to one path, oldest first. */
export async function effectsOn(spark: Spark, path: string, editor = 'default'): Promise<Effect[]> {
  return (await spark.effects()).filter((effect) => effect.path === path && effect.editor === editor);
}

/** No effect twice: each starts from what the one before it left, and none leads back to where the file has been. */
export function expectChain(effects: readonly Effect[], ends: { from: string | null; to: string | null }) {
  expect(effects[0]?.beforeSha, 'the first effect starts from').toBe(ends.from);
  expect(effects.at(-1)?.afterSha, 'the last effect leads to').toBe(ends.to);
  for (const [index, effect] of effects.entries())
    if (index > 0) expect(effect.beforeSha, `effect ${effect.n}`).toBe(effects[index - 1]?.afterSha);
  const places = [ends.from, ...effects.map((effect) => effect.afterSha)];
  expect(new Set(places).size, 'every effect leads to a new place').toBe(places.length);
}

/** The command's events on the standby, in the order of the log. */
export async function eventTypes(spark: Spark, commandId: unknown): Promise<string[]> {
  const rows = await spark.sql<{ type: string }>(
    'SELECT type FROM spark_events WHERE command_id = $1 ORDER BY seq',
    [commandId],
  );
  return rows.map(({ type }) => type);
}

/** The one command of a session that a key names, once `state` holds for it on the standby. */
export async function commandOfKey(spark: Spark, session: string, key: string) {
  const rows = await spark.sql<{ command_id: string; state: string; attempts: number; error_code: string }>(
    'SELECT * FROM spark_commands WHERE session_id = $1 AND idempotency_key = $2',
    [session, key],
  );
  expect(rows, `commands of key ${key}`).toHaveLength(1);
  return rows[0] as (typeof rows)[number];
}
