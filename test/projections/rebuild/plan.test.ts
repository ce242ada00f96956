import { describe, expect, it } from 'vitest';
import { closureOf, planRebuild } from '../../../src/projections/rebuild/plan.js';

const MODELS = [
  { table: 'spark_events', needs: [] },
  { table: 'command_states', needs: [] },
  { table: 'spark_function_calls', needs: ['command_states'] },
  { table: 'spark_sessions', needs: ['command_states'] },
  { table: 'rollup_calls_minute', needs: ['spark_function_calls'] },
  { table: 'rollup_usage_hour', needs: ['command_states'] },
  { table: 'projector_dead_letters', needs: [] },
];
const ALL = MODELS.map(({ table }) => table);

describe('the plan of a rebuild', () => {
  it.each([[[]], [['all']], [['spark_events', 'all']]])(
    'given %j, then everything is built and flipped',
    (names) => {
      expect(planRebuild(MODELS, names)).toEqual({ flip: ALL, build: ALL, whole: true });
    },
  );

  it('given one read model, then what its fold looks up is built too, and only the one is flipped', () => {
    expect(planRebuild(MODELS, ['spark_sessions'])).toEqual({
      flip: ['spark_sessions'],
      build: ['command_states', 'spark_sessions'],
      whole: false,
    });
  });

  it('given one whose needs have needs, then all of them are built, in the order of the registry', () => {
    expect(planRebuild(MODELS, ['rollup_calls_minute']).build).toEqual([
      'command_states',
      'spark_function_calls',
      'rollup_calls_minute',
    ]);
  });

  it('given the name of a view, then the table behind it is meant', () => {
    expect(planRebuild(MODELS, ['spark_commands']).flip).toEqual(['command_states']);
    expect(planRebuild(MODELS, ['spark_audit']).flip).toEqual(['command_states']);
  });

  it('given "rollups", then each of them is flipped', () => {
    expect(planRebuild(MODELS, ['rollups']).flip).toEqual(['rollup_calls_minute', 'rollup_usage_hour']);
  });

  it('given the dead letters, then everything is built: whether an event is refused shows when it is written', () => {
    const plan = planRebuild(MODELS, ['spark_dead_letters']);
    expect(plan).toEqual({ flip: ['projector_dead_letters'], build: ALL, whole: false });
  });

  it.each(['spark_nonsense', 'constructor', '__proto__', '', 'spark_queue_depth'])(
    'given "%s", which is none here, then it is refused with the names there are',
    (name) => {
      expect(() => planRebuild(MODELS, ['spark_events', name])).toThrow(
        expect.objectContaining({
          code: 'unknown_read_model',
          message: expect.stringMatching(/there are: .*all.*command_states.*spark_commands.*spark_sessions/),
        }),
      );
    },
  );

  it('given needs that go in a circle, then the closure is finite', () => {
    const circle = [
      { table: 'a', needs: ['b'] },
      { table: 'b', needs: ['a'] },
    ];
    expect([...closureOf(circle, ['a'])].sort()).toEqual(['a', 'b']);
  });
});
