import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NotedEvent } from '../../src/events/event.js';
import { EVENT_VERSION } from '../../src/events/event.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { type ProjectedRig, projectedRig } from '../support/projectedRig.js';
import { type CommandStory, command, completed, STORY_BEGAN_MS, started } from '../support/story.js';

let rig: ProjectedRig;
beforeAll(async () => {
  rig = await projectedRig();
});
afterAll(() => rig.stop());

function used(story: CommandStory, note: Record<string, unknown>, ordinal = 0): NotedEvent {
  return {
    v: EVENT_VERSION,
    kind: 'noted',
    eventId: `00000000-0000-8000-8000-00000000000${ordinal}`,
    type: 'usage.reported',
    commandId: story.commandId,
    sessionId: story.sessionId,
    editor: story.editor,
    timestamp: new Date(STORY_BEGAN_MS).toISOString(),
    note: { kind: 'usage', model: 'm', inputTokens: 10, outputTokens: 2, ...note } as NotedEvent['note'],
  };
}

const rows = async (sessionId: string) =>
  (
    await rig.db.admin.query('SELECT * FROM spark.spark_usage WHERE session_id = $1 ORDER BY seq', [
      sessionId,
    ])
  ).rows;

it('given usage beside its command or batches after its start, each is a row with who used it for what', async () => {
  const report = command({ type: 'usage.report', sessionId: 'u-1' });
  rig.log.append([
    started(report),
    used(report, { costUsd: 0.1 }),
    used(report, { model: 'n', inputTokens: 9_007_199_254_740_991 }, 1),
    completed(report),
  ]);
  const slow = command({ type: 'unity.render_preview', sessionId: 'u-2' });
  rig.log.append([started(slow)]);
  await rig.caughtUp();
  rig.log.append([used(slow, {}), completed(slow)]);
  await rig.caughtUp();

  expect(await rows('u-1')).toMatchObject([
    { command_type: 'usage.report', actor: 'agent-7', model: 'm', input_tokens: '10', cost_usd: '0.1' },
    { model: 'n', input_tokens: '9007199254740991', output_tokens: '2', cost_usd: null },
  ]);
  const [one] = await rows('u-2');
  expect(one).toMatchObject({
    command_id: slow.commandId,
    command_type: 'unity.render_preview',
    actor: 'agent-7',
  });
  const states = await rig.db.admin.query('SELECT state FROM spark.spark_commands WHERE command_id = $1', [
    slow.commandId,
  ]);
  expect(states.rows).toEqual([{ state: 'completed' }]);
});

it('given numbers that are none, the event is a dead letter and the others are counted', async () => {
  const story = command({ sessionId: 'u-3' });
  rig.log.append([used(story, { inputTokens: 'many' }), used(story, { inputTokens: 3 }, 1)]);
  await rig.caughtUp();
  expect(await rows('u-3')).toMatchObject([{ input_tokens: '3', command_type: null, actor: null }]);
  const letters = await rig.db.admin.query(
    "SELECT source, state FROM spark.spark_dead_letters WHERE session_id = 'u-3'",
  );
  expect(letters.rows).toEqual([{ source: 'projector', state: 'open' }]);
});

it('given a rebuild, then usage is equal row for row', async () => {
  const before = await digestReadModels(rig.db.admin);
  expect(before.find(({ table }) => table === 'spark_usage')?.rows).toBe(4);
  await rig.rebuild();
  expect(await digestReadModels(rig.db.admin)).toEqual(before);
});
