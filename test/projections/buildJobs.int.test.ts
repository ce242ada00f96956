import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventIdOf } from '../../src/core/ids.js';
import type { NotedEvent, SparkEvent } from '../../src/events/event.js';
import { digestReadModels } from '../../src/projections/digest.js';
import { type ProjectedRig, projectedRig } from '../support/projectedRig.js';
import { type CommandStory, command, completed, failed, started } from '../support/story.js';

let rig: ProjectedRig;
beforeAll(async () => {
  rig = await projectedRig();
});
afterAll(() => rig.stop());

const build = () => command({ type: 'unity.run_build', sessionId: 'builders' });
const intent = (story: CommandStory) => ({
  outputPath: `Builds/webgl/${story.commandId}`,
  target: 'webgl',
});
const begin = (story: CommandStory): SparkEvent => ({ ...started(story), build: intent(story) });
const measures = { platform: 'WebGL', totalBytes: 5_000_000_000, durationMs: 700, warnings: 2 };
const done = (story: CommandStory): SparkEvent =>
  completed(story, { build: { ...intent(story), ...measures } });
const timeout = (story: CommandStory): SparkEvent =>
  failed(story, 'failed', { type: 'build.timeout', error: { code: 'build_timeout', message: 'late' } });
const reconciled = (story: CommandStory, text: string): NotedEvent => {
  const { v, commandId, sessionId, editor, timestamp } = failed(story, 'outcome_unknown');
  const note = { kind: 'reconciled', verdict: 'applied', text, actor: 'op' } as const;
  return {
    v,
    eventId: eventIdOf(commandId, text),
    commandId,
    sessionId,
    editor,
    timestamp,
    type: 'build.reconciled',
    kind: 'noted',
    note,
  };
};
const rowOf = async (story: CommandStory) =>
  (await rig.db.admin.query('SELECT * FROM spark.spark_build_jobs WHERE job_id = $1', [story.commandId]))
    .rows[0];

describe('spark_build_jobs', () => {
  const stories = [build(), build(), build(), build(), build()] as const;
  const [together, apart, late, unknown, running] = stories;

  it('given builds that begin and end in one batch or in several, then each has one row with its end', async () => {
    rig.log.append([begin(together), done(together)]);
    rig.log.append([begin(apart), begin(late), begin(unknown), begin(running)]);
    await rig.caughtUp();
    expect(await rowOf(apart)).toMatchObject({ state: 'started', finished_at: null, duration_ms: null });
    rig.log.append([done(apart)]);
    rig.log.append([timeout(late), failed(unknown, 'outcome_unknown')]);
    await rig.caughtUp();
    for (const story of [together, apart])
      expect(await rowOf(story)).toMatchObject({
        session_id: 'builders',
        editor: 'default',
        target: 'webgl',
        output_path: intent(story).outputPath,
        state: 'completed',
        total_bytes: '5000000000',
        warnings: 2,
        error_code: null,
      });
    const ended = await rowOf(apart);
    expect(ended.duration_ms).toBe(ended.finished_at.getTime() - ended.started_at.getTime());
    expect(await rowOf(late)).toMatchObject({ state: 'timeout', error_code: 'build_timeout' });
    expect(await rowOf(unknown)).toMatchObject({ state: 'outcome_unknown' });
    expect(await rowOf(running)).toMatchObject({ state: 'started' });
  });

  it('given a build that was cancelled before it began, then a start by a zombie makes no row, in one batch or two', async () => {
    const [together, apart] = [build(), build()];
    rig.log.append([failed(together, 'cancelled'), begin(together), failed(apart, 'cancelled')]);
    await rig.caughtUp();
    rig.log.append([begin(apart)]);
    await rig.caughtUp();
    expect([await rowOf(together), await rowOf(apart)]).toEqual([undefined, undefined]);
  });

  it('given a second end of a zombie, then the first one counts', async () => {
    rig.log.append([timeout(apart)]);
    await rig.caughtUp();
    expect(await rowOf(apart)).toMatchObject({ state: 'completed', error_code: null });
  });

  it('given an operator reconciles an unknown outcome, then it stands beside the error, once, and the state stays', async () => {
    rig.log.append([reconciled(unknown, 'it is there'), reconciled(running, 'too early')]);
    await rig.caughtUp();
    rig.log.append([reconciled(unknown, 'another word')]);
    await rig.caughtUp();
    const { rows } = await rig.db.admin.query(
      "SELECT state, error_code, error->'reconciled' AS reconciled FROM spark.command_states WHERE command_id = ANY($1)",
      [[unknown.commandId, running.commandId]],
    );
    expect(rows).toContainEqual({
      state: 'outcome_unknown',
      error_code: 'code_outcome_unknown',
      reconciled: expect.objectContaining({ verdict: 'applied', text: 'it is there', actor: 'op' }),
    });
    expect(rows).toContainEqual({ state: 'started', error_code: null, reconciled: null });
  });

  it('given a rebuild in other batches, then every row is the same', async () => {
    const both = build();
    rig.log.append([begin(both), failed(both, 'outcome_unknown'), reconciled(both, 'in one batch')]);
    await rig.caughtUp();
    const live = await digestReadModels(rig.db.admin);
    await rig.rebuild();
    expect(await digestReadModels(rig.db.admin)).toEqual(live);
    expect(live.find(({ table }) => table === 'spark_build_jobs')?.rows).toBe(6);
  });
});
