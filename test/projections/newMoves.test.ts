import { describe, expect, it } from 'vitest';
import { type CommandChange, evolveCommand } from '../../src/projections/commands/fold.js';
import { movesOfNew } from '../../src/projections/commands/newMoves.js';
import { command, completed, failed, logged, STORY_BEGAN_MS, started } from '../support/story.js';

const MINUTE_S = STORY_BEGAN_MS / 1_000;

function changeOf(events: Parameters<typeof logged>[0]): CommandChange {
  let change: CommandChange | undefined;
  for (const event of logged(events)) change = evolveCommand(change, event);
  if (change === undefined) throw new Error('the story moves no command');
  return change;
}

describe('commands that no row knows', () => {
  it('given two that ended alike and one that goes on, then two moves out of nothing, by the minutes of acceptance and of the end', () => {
    const [first, second, third] = [command(), command(), command()];
    const moves = movesOfNew([
      changeOf([started(first), completed(first)]),
      changeOf([started(second), completed(second)]),
      changeOf([started(third)]),
    ]);
    const of = {
      sessionId: first.sessionId,
      editor: 'default',
      before: null,
      acceptedMinuteS: MINUTE_S - 60,
    };
    expect(moves).toEqual([
      { ...of, after: 'completed', endedMinuteS: MINUTE_S, count: 2 },
      { ...of, after: 'started', endedMinuteS: null, count: 1 },
    ]);
  });

  it('given an end whose envelope is gone from the log, then the minute of its end stands for that of its acceptance', () => {
    const story = command();
    expect(movesOfNew([changeOf([failed(story, 'failed')])])).toMatchObject([
      { after: 'failed', acceptedMinuteS: MINUTE_S, endedMinuteS: MINUTE_S, count: 1 },
    ]);
  });

  it('given a name that Postgres cannot store as it is, then the move names it as it is stored', () => {
    const story = command({ sessionId: 'a\0b', editor: 'x\ud800' });
    expect(movesOfNew([changeOf([started(story)])])).toMatchObject([
      { sessionId: 'a\ufffdb', editor: 'x\ufffd' },
    ]);
  });
});
