import { expect } from 'vitest';
import { eventually, type Spark } from '../../support/spark.js';
import { GENERATE, good } from './scripts.js';

/** What a refusal leaves behind, as seen from outside; `spark` is asked for at each step, because it starts later. */
export function rejections(spark: () => Spark, newSession: () => string) {
  const eventsOf = (session: string) =>
    spark().sql<{ type: string; outcome: string; code: string; command_id: string }>(
      "SELECT type, payload->>'outcome' AS outcome, payload->'error'->>'code' AS code, command_id FROM spark_events WHERE session_id = $1 ORDER BY seq",
      [session],
    );
  const oneLetter = (session: string) =>
    eventually(async () => {
      const letters = await spark().sql(
        'SELECT * FROM spark_dead_letters WHERE session_id = $1 ORDER BY id',
        [session],
      );
      expect(letters).toHaveLength(1);
      return letters[0] as Record<string, unknown>;
    });
  /** The lane goes on: a command published behind what was refused completes. */
  async function laneGoesOn(editor = 'default') {
    const session = newSession();
    await spark().publish({ type: GENERATE, session, editor }, good('Alive'));
    await eventually(async () =>
      expect((await eventsOf(session)).map(({ type }) => type)).toContain('generate_unity_script.completed'),
    );
  }
  const ask = async (subject: string, body: string | Uint8Array, headers = {}) =>
    (await spark().publishRaw(subject, body, headers)) as unknown as Record<string, unknown>;

  /** A reject over a raw publish: the event where a session can be read, and the dead letter. */
  async function expectRejected(session: string, code: string) {
    const letter = await oneLetter(session);
    expect(letter).toMatchObject({ reason: code, source: 'stream', attempts: 0, editor: 'default' });
    expect(letter['original_subject']).toMatch(new RegExp(`^spark\\.commands\\.default\\..+\\.${session}$`));
    expect(String(letter['last_error'])).not.toBe('');
    const [event] = await eventually(async () => {
      const events = await eventsOf(session);
      expect(events).toHaveLength(1);
      return events;
    });
    expect(event).toMatchObject({ outcome: 'rejected', code, command_id: letter['command_id'] });
    const row = await spark().command(String(letter['command_id']));
    expect(row).toMatchObject({ state: 'rejected', error_code: code, session_id: session });
    return { event, letter };
  }
  return { eventsOf, laneGoesOn, ask, expectRejected };
}
