import { afterAll, beforeAll, expect, it } from 'vitest';
import { eventIdOf } from '../../src/core/ids.js';
import type { NotedEvent } from '../../src/events/event.js';
import { writeDeadLetterActions } from '../../src/projections/deadLetters/actions.js';
import { writeStreamDeadLetters } from '../../src/projections/deadLetters/write.js';
import type { DeadLetter } from '../../src/projections/ports.js';
import { type ProjectedRig, projectedRig } from '../support/projectedRig.js';
import {
  type CommandStory,
  command,
  completed,
  envelopeOf,
  failed,
  STORY_BEGAN_MS,
  started,
} from '../support/story.js';

let rig: ProjectedRig;
beforeAll(async () => {
  rig = await projectedRig();
});
afterAll(() => rig.stop());

/** What dashboards see, of these commands or of none. */
async function audited(story: CommandStory | null): Promise<Record<string, unknown>[]> {
  const { rows } = await rig.db.pool('spark_dashboard_ro').query(
    `SELECT actor, action, path, outcome, error_code, reason, letter_id::int FROM spark_audit
       WHERE command_id IS NOT DISTINCT FROM $1 ORDER BY ts, seq NULLS LAST, letter_id`,
    [story?.commandId ?? null],
  );
  return rows;
}

const NOTHING = { error_code: null, reason: null, letter_id: null };
const asked = (outcome: string, over = {}) => ({
  ...NOTHING,
  ...{ actor: 'agent-7', action: 'unity.generate_script', path: 'Assets/Player.cs', outcome },
  ...over,
});

it('given a command that completed and one that was refused, then who asked for what is on record, with the file', async () => {
  const [done, refused] = [command(), command()];
  rig.log.append([started(done), completed(done)]);
  rig.log.append([failed(refused, 'rejected', { durationMs: null, envelope: envelopeOf(refused) })]);
  await rig.caughtUp();
  expect(await audited(done)).toEqual([asked('completed')]);
  expect(await audited(refused)).toEqual([asked('rejected', { error_code: 'code_rejected' })]);
});

it("given a cancellation in one batch or two, then who cancelled is on record once, and a zombie's is not", async () => {
  const error = { code: 'cancelled', message: 'x', actor: 'boss', reason: 'wrong file' };
  const [together, apart, ended] = [command(), command(), command()];
  rig.log.append([started(together), failed(together, 'cancelled', { error }), started(apart)]);
  rig.log.append([started(ended), completed(ended)]);
  await rig.caughtUp();
  rig.log.append([failed(apart, 'cancelled', { error }), failed(ended, 'cancelled', { error })]);
  await rig.caughtUp();
  const cancelled = [
    asked('cancelled', { error_code: 'cancelled' }),
    { ...NOTHING, actor: 'boss', action: 'cancel', path: null, outcome: null, reason: 'wrong file' },
  ];
  expect(await audited(together)).toEqual(cancelled);
  expect(await audited(apart)).toEqual(cancelled);
  expect(await audited(ended)).toEqual([asked('completed')]);
});

it('given a word of an operator about an unknown outcome, then it stands beside the command', async () => {
  const story = command();
  const { v, commandId, sessionId, editor, timestamp } = failed(story, 'outcome_unknown');
  const noted: NotedEvent = {
    ...{
      v,
      commandId,
      sessionId,
      editor,
      timestamp,
      kind: 'noted',
      type: 'generate_unity_script.reconciled',
    },
    eventId: eventIdOf(commandId, 'reconciled'),
    note: { kind: 'reconciled', verdict: 'applied', text: 'I saw the file', actor: 'ops' },
  };
  rig.log.append([started(story), failed(story, 'outcome_unknown')]);
  rig.log.append([noted]);
  await rig.caughtUp();
  expect(await audited(story)).toEqual([
    asked('outcome_unknown', { error_code: 'code_outcome_unknown' }),
    {
      ...NOTHING,
      actor: 'ops',
      action: 'reconcile',
      path: null,
      outcome: 'applied',
      reason: 'I saw the file',
    },
  ]);
});

it('given dead letters, then what was refused and who redrove or dropped it is on record', async () => {
  const letter: DeadLetter = {
    ...{ reason: 'malformed_json', attempts: 1, lastError: 'Unexpected token', bodyTruncated: false },
    originalSubject: 'spark.commands.default.unity.generate_script.session-1',
    ...{ headers: { 'Spark-Actor': 'somebody' }, body: '{', bodyEncoding: 'utf8', commandId: null },
    ...{ sessionId: 'session-1', editor: 'default', stream: { seq: 12, index: 0 } },
  };
  const redriven = command();
  const admin = rig.db.admin;
  await writeStreamDeadLetters(admin, [{ streamSeq: 5, tsMs: STORY_BEGAN_MS, letter }]);
  const by = { letterId: 5, actor: 'ops' };
  await writeDeadLetterActions(admin, [
    {
      ...{ streamSeq: 1, tsMs: STORY_BEGAN_MS + 1 },
      action: { ...by, action: 'redriven', newCommandId: redriven.commandId, redrive: 1 },
    },
    { streamSeq: 2, tsMs: STORY_BEGAN_MS + 2, action: { ...by, action: 'dropped' } },
  ]);
  const done = { ...NOTHING, actor: 'ops', path: null, letter_id: 5 };
  expect(await audited(null)).toEqual([
    {
      ...{ actor: 'somebody', action: 'unity.generate_script', path: null, outcome: 'refused', letter_id: 5 },
      ...{ error_code: 'malformed_json', reason: 'Unexpected token' },
    },
    { ...done, action: 'dead_letter.dropped', outcome: 'dropped' },
  ]);
  expect(await audited(redriven)).toEqual([{ ...done, action: 'dead_letter.redriven', outcome: 'redriven' }]);
});
