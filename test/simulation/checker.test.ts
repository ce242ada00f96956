import { describe, expect, it } from 'vitest';
import { History } from '../../simulation/checker/history.js';
import { checkpointsGrow, sameAsFold } from '../../simulation/checker/readModels.js';
import {
  effectsPerCommand,
  nothingLost,
  nothingOverwritten,
  oneEndEach,
  orderPerSession,
  tokensGrow,
  wellFormedLog,
} from '../../simulation/checker/stories.js';
import { ReadModels } from '../../simulation/projector/readModels.js';
import type { Effect } from '../../simulation/unity/editor.js';
import type { CommandPosition } from '../../src/commands/envelope.js';
import { sha256 } from '../../src/core/ids.js';
import { type FileIntent, type SparkEvent, seqOf } from '../../src/events/event.js';
import { failed as failedVerdict } from '../../src/workers/lanes/task.js';
import {
  completedEvent,
  failedEvent,
  rejectedEvent,
  startedEvent,
} from '../../src/workers/ledger/recorder.js';
import { aCommand, aTask, type CommandWish, inbound } from '../support/commandFixtures.js';

const BEFORE = '';
const AFTER = sha256('class A {}');
const PATH = 'Assets/A.cs';
const TIME = '2026-03-01T10:00:00.000Z';

const intent = (waypoints: readonly string[] = [BEFORE, AFTER]): FileIntent => ({
  path: PATH,
  editor: 'default',
  before: null,
  after: null,
  waypoints,
  missingFolders: [],
});

/** A seed's history written by hand: what is not said is in order. */
class Story {
  readonly history = new History();
  readonly effects: Effect[] = [];

  constructor() {
    this.history.effects = this.effects;
    this.append();
  }

  accept(wish: CommandWish): ReturnType<typeof aCommand> {
    const command = aCommand(wish);
    this.history.stored(inbound(command));
    return command;
  }

  append(...events: SparkEvent[]): this {
    const seq = (this.history.log.at(-1)?.seq ?? 0) + 1;
    const logged = events.map((event, at) => ({ event, seq: seqOf(seq, at), tsMs: seq, partition: 0 }));
    this.history.appended({ seq, partition: 0, events: logged });
    return this;
  }

  effect(commandId: string | null, change: Partial<Effect> & { call?: number } = {}): this {
    const { call = this.effects.length + 1, ...rest } = change;
    const by = commandId === null ? null : { commandId, token: { epoch: 1, call }, planned: BEFORE };
    this.effects.push({ atMs: 1, editor: 'default', path: PATH, by, before: BEFORE, after: AFTER, ...rest });
    return this;
  }
}

type Command = ReturnType<typeof aCommand>;
const start = (command: Command, epoch = 1): SparkEvent =>
  startedEvent(command, { epoch, call: 1 }, intent(), TIME);
const completed = (command: Command): SparkEvent =>
  completedEvent(aTask(command), { kind: 'completed', result: {} }, 1, TIME);
function failed(command: Command, outcome: 'failed' | 'conflict' | 'outcome_unknown'): SparkEvent {
  const verdict = failedVerdict(outcome, { code: 'x', message: 'x' });
  if (verdict.kind !== 'failed') throw new Error('a failure was meant');
  return failedEvent(aTask(command), verdict, 1, TIME);
}

/** One command that ran as it should. */
function aGoodStory(): { story: Story; command: Command } {
  const story = new Story();
  const command = story.accept({ seq: 1, key: 'k1' });
  story.append(start(command)).effect(command.commandId).append(completed(command));
  return { story, command };
}

describe('the checker', () => {
  it('has nothing to say about a story that is in order', () => {
    const { history } = aGoodStory().story;
    const all = [
      nothingLost,
      oneEndEach,
      effectsPerCommand,
      orderPerSession,
      wellFormedLog,
      tokensGrow,
      nothingOverwritten,
    ];
    expect(all.flatMap((check) => check(history))).toEqual([]);
  });

  it('I1: finds a publish that was accepted and has no end', () => {
    const { story } = aGoodStory();
    story.accept({ seq: 2, key: 'k2' });
    expect(nothingLost(story.history)).toEqual([expect.stringMatching(/^I1: the publish at 2\.0/)]);
  });

  it('I1: takes the end of a command for every publish of it with the same payload, and for no other', () => {
    const { story } = aGoodStory();
    story.accept({ seq: 2, key: 'k1' });
    expect(nothingLost(story.history)).toEqual([]);
    const other = story.accept({ seq: 3, key: 'k1', payload: { name: 'X', path: PATH, code: 'class X {}' } });
    expect(nothingLost(story.history)).toEqual([expect.stringMatching(/^I1: the publish at 3\.0/)]);
    story.append(refusal(other.position));
    expect(nothingLost(story.history)).toEqual([]);
  });

  it('I2: finds a second end, a second start, a start without an end, and an end before its start', () => {
    const twice = aGoodStory();
    twice.story.append(failed(twice.command, 'failed'));
    expect(oneEndEach(twice.story.history)).toEqual([expect.stringContaining('ended 2 times')]);
    const again = aGoodStory();
    again.story.append(start(again.command));
    expect(oneEndEach(again.story.history)).toEqual([expect.stringContaining('started 2 times')]);
    const open = new Story();
    open.append(start(open.accept({ seq: 1, key: 'k1' })));
    expect(oneEndEach(open.history)).toEqual([expect.stringContaining('has started and never ended')]);
    const reversed = new Story();
    const command = reversed.accept({ seq: 1, key: 'k1' });
    reversed.append(completed(command)).append(start(command));
    expect(oneEndEach(reversed.history)).toEqual([expect.stringContaining('ended before it started')]);
  });

  it('I2: lets a start pass that came second under its key and was refused', () => {
    const { story } = aGoodStory();
    const other = story.accept({ seq: 2, key: 'k1', editor: 'other' });
    story.append(start(other)).append(refusal(other.position));
    expect(oneEndEach(story.history)).toEqual([]);
    expect(wellFormedLog(story.history)).toEqual([]);
  });

  it('I3: finds a completed command without its effect, and with two', () => {
    const none = aGoodStory().story;
    none.effects.length = 0;
    expect(effectsPerCommand(none.history)).toEqual([expect.stringContaining('took effect 0 times')]);
    const two = aGoodStory();
    two.story.effect(two.command.commandId);
    expect(effectsPerCommand(two.story.history)).toEqual([expect.stringContaining('took effect 2 times')]);
  });

  it.each(['failed', 'conflict'] as const)('I3: finds an effect of a command that ended as %s', (outcome) => {
    const story = new Story();
    const command = story.accept({ seq: 1, key: 'k1' });
    story.append(start(command)).effect(command.commandId).append(failed(command, outcome));
    expect(effectsPerCommand(story.history)).toEqual([expect.stringContaining('took effect 1 times')]);
  });

  it('I3: allows one effect of an unknown outcome, and no second', () => {
    const story = new Story();
    const command = story.accept({ seq: 1, key: 'k1' });
    story.append(start(command)).effect(command.commandId).append(failed(command, 'outcome_unknown'));
    expect(effectsPerCommand(story.history)).toEqual([]);
    story.effect(command.commandId);
    expect(effectsPerCommand(story.history)).toEqual([expect.stringContaining('took effect 2 times')]);
  });

  it('I4: finds a command of a session that began before an earlier one of the same session', () => {
    const story = new Story();
    const first = story.accept({ seq: 1, key: 'k1' });
    const second = story.accept({ seq: 2, key: 'k2' });
    story.append(start(second), completed(second)).append(start(first), completed(first));
    expect(orderPerSession(story.history)).toEqual([expect.stringMatching(/^I4: .* began after/)]);
    story.effect(second.commandId).effect(first.commandId);
    expect(orderPerSession(story.history)).toHaveLength(2);
  });

  it('I5: finds a gap, an event that is stored twice, and what a fenced owner has said', () => {
    const gap = aGoodStory().story;
    gap.history.appended({ seq: 9, partition: 0, events: [] });
    expect(wellFormedLog(gap.history)).toEqual([expect.stringContaining('follows 3')]);
    const twice = aGoodStory();
    twice.story.append(completed(twice.command));
    expect(wellFormedLog(twice.story.history)).toEqual([expect.stringContaining('is stored twice')]);
    const fenced = aGoodStory().story.append();
    fenced.append(start(fenced.accept({ seq: 2, key: 'k2' }), 4));
    fenced.append(start(fenced.accept({ seq: 3, key: 'k3' }), 1));
    expect(wellFormedLog(fenced.history)).toEqual([expect.stringContaining('began with epoch 1 in epoch 4')]);
  });

  it('the fence: finds an effect by a token that is not above one seen', () => {
    const { story, command } = aGoodStory();
    story.effect(command.commandId, { call: 1 });
    expect(tokensGrow(story.history)).toEqual([expect.stringContaining('with token (1, 1) after (1, 1)')]);
  });

  it('nothing overwritten: finds an effect on bytes that the command had not seen', () => {
    const { story, command } = aGoodStory();
    story.effect(null, { after: sha256('by hand') });
    story.effect(command.commandId, { before: sha256('by hand') });
    expect(nothingOverwritten(story.history)).toEqual([expect.stringContaining('in no stored intent')]);
  });

  it('I6: finds a read model that is not the fold of the log, and I9: a checkpoint that goes back', () => {
    const { history } = aGoodStory().story;
    const live = new ReadModels();
    for (const logged of history.events) live.apply(logged);
    expect(sameAsFold(live, history.events)).toEqual([]);
    const [first] = history.events;
    if (first) live.apply(first);
    expect(sameAsFold(live, history.events)).toEqual([expect.stringMatching(/^I6: /)]);
    expect(checkpointsGrow([0, 1_023, 2_047])).toEqual([]);
    expect(checkpointsGrow([0, 2_047, 1_023])).toEqual([expect.stringMatching(/^I9: /)]);
  });
});

function refusal(position: CommandPosition): SparkEvent {
  const command = aCommand({ seq: position.seq });
  return rejectedEvent(
    {
      refusal: { code: 'idempotency_mismatch', message: 'x', errors: [] },
      commandId: command.commandId,
      position,
      acceptedAt: TIME,
      sessionId: 'session-1',
      editor: 'default',
      type: command.type,
      meta: command,
    },
    TIME,
  );
}
