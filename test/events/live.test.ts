import { describe, expect, it } from 'vitest';
import { CATALOGUE, type CommandType } from '../../src/commands/catalogue.js';
import { definitionOfEvent, liveBodyOf, liveSubjectOf } from '../../src/events/live.js';
import { command, completed, failed, operationOf, started } from '../support/story.js';

/** product.md section 2, the table and the list of live subjects. */
const TABLE: [type: CommandType, live: string, eventName: string, callName: string][] = [
  ['unity.generate_script', 'spark.runtime.unity', 'generate_unity_script', 'generate_unity_script'],
  ['unity.apply_patch', 'spark.runtime.unity', 'apply_unity_patch', 'apply_unity_patch'],
  ['unity.delete_script', 'spark.runtime.unity', 'delete_unity_script', 'delete_unity_script'],
  ['unity.ingest_asset', 'spark.runtime.unity', 'ingest_unity_asset', 'ingest_unity_asset'],
  ['unity.deconstruct_asset', 'spark.runtime.unity', 'deconstruct_unity_asset', 'deconstruct_unity_asset'],
  ['unity.get_build_status', 'spark.runtime.unity', 'get_unity_build_status', 'get_unity_build_status'],
  ['unity.call_tool', 'spark.runtime.unity', 'call_unity_tool', 'call_unity_tool'],
  ['unity.render_preview', 'spark.preview.unity', 'preview', 'render_unity_preview'],
  ['unity.run_build', 'spark.build.unity', 'build', 'run_unity_build'],
  ['cv.ocr', 'spark.runtime.cv', 'cv_ocr', 'cv_ocr'],
  ['cv.ocv', 'spark.runtime.cv', 'cv_ocv', 'cv_ocv'],
  ['cv.classify', 'spark.runtime.cv', 'cv_classify', 'cv_classify'],
  ['asr.transcribe', 'spark.runtime.asr', 'asr_transcribe', 'asr_transcribe'],
  ['session.undo', 'spark.runtime.session', 'undo', 'undo'],
  ['session.redo', 'spark.runtime.session', 'redo', 'redo'],
  ['session.rollback', 'spark.runtime.session', 'rollback', 'rollback'],
  ['session.import', 'spark.runtime.session', 'import', 'import'],
  ['preset.apply', 'spark.runtime.session', 'preset_apply', 'preset_apply'],
  ['usage.report', 'spark.runtime.session', 'usage_report', 'usage_report'],
];

it('the table of live events names every command of the catalogue, and no other', () => {
  expect(TABLE.map(([type]) => type).toSorted()).toEqual(Object.keys(CATALOGUE).toSorted());
});

describe.each(TABLE)('events of %s', (type, live, eventName, callName) => {
  const story = command({ type, sessionId: 'session-9' });

  it('are named and published live as the product says', () => {
    for (const [event, suffix] of [
      [started(story), 'started'],
      [completed(story), 'completed'],
      [failed(story, 'failed'), 'failed'],
    ] as const) {
      expect(event.type).toBe(`${eventName}.${suffix}`);
      expect(liveSubjectOf(event)).toBe(`${live}.${suffix}.session-9`);
      expect(definitionOfEvent(event.type)).toMatchObject({ type, callName });
    }
  });

  it('say every other ending as failed, with the outcome in the body', () => {
    for (const outcome of ['rejected', 'conflict', 'outcome_unknown', 'cancelled', 'expired'] as const) {
      const event = failed(story, outcome);
      expect(liveSubjectOf(event)).toBe(`${live}.failed.session-9`);
      expect(liveBodyOf(event)).toMatchObject({ outcome, error: event.error, attempts: 1, durationMs: 7 });
    }
  });
});

describe('the body of a live event', () => {
  const story = command({ sessionId: 'session-9', editor: 'left' });

  it('begins with what every event tells', () => {
    for (const event of [started(story), completed(story), failed(story, 'failed')])
      expect(liveBodyOf(event)).toMatchObject({
        type: event.type,
        sessionId: 'session-9',
        timestamp: event.timestamp,
        commandId: story.commandId,
        eventId: event.eventId,
        editor: 'left',
      });
  });

  it('of a start says what begins, on which file', () => {
    const intent = {
      path: 'Assets/A.cs',
      editor: 'left',
      before: null,
      after: null,
      waypoints: [''],
      missingFolders: [],
    };
    expect(liveBodyOf({ ...started(story), intent })).toMatchObject({
      commandType: 'unity.generate_script',
      actor: 'agent-7',
      path: 'Assets/A.cs',
    });
    expect(JSON.stringify(liveBodyOf(started(story)))).not.toContain('path');
  });

  it('of a completion carries result, operation and where the frame lies', () => {
    const operation = operationOf(story, null, 'x');
    const changed = liveBodyOf(completed(story, { change: { direction: 'apply', operation } }));
    expect(changed).toMatchObject({
      operationId: operation.operationId,
      path: operation.path,
      outcome: 'completed',
    });
    const preview = { frameSha256: 'f'.repeat(64) } as never;
    expect(liveBodyOf(completed(story, { preview }))).toMatchObject({
      frameRef: `/v1/frames/${'f'.repeat(64)}`,
    });
    expect(liveBodyOf(completed(story))).not.toHaveProperty('operationId');
  });

  it('of a command SPARK does not know goes to the runtime family', () => {
    const event = { ...failed(story, 'rejected'), type: 'unknown_command.failed' };
    expect(liveSubjectOf(event)).toBe('spark.runtime.unity.failed.session-9');
    expect(definitionOfEvent(event.type)).toBeUndefined();
    expect(definitionOfEvent('nodots')).toBeUndefined();
  });
});
