import { describe, expect, it } from 'vitest';
import { undoRestoresTheTree } from '../../chaos/checker/invariants/i08UndoRestoresTheTree.js';
import { checkpointsNeverGoBack } from '../../chaos/checker/invariants/i09CheckpointsNeverGoBack.js';
import { liveFeedsHaveNoGap } from '../../chaos/checker/invariants/i10LiveFeedsHaveNoGap.js';
import { telemetryIsAccountedFor } from '../../chaos/checker/invariants/i11TelemetryIsAccountedFor.js';
import { withFaults } from '../../chaos/checker/violation.js';
import type { HistoryEntry } from '../../chaos/history.js';
import {
  BEGAN_MS,
  endEvent,
  evidenceOf,
  historyOf,
  logOf,
  type Script,
  startedEvent,
} from './support/run.js';

const a: Script = { commandId: 'a', place: 1 };
const b: Script = { commandId: 'b', place: 2 };
const log = logOf([startedEvent(a)], [endEvent(a)], [startedEvent(b)], [endEvent(b)]);
const SEQS = [2, 3, 4, 5].map((streamSeq) => streamSeq * 1_024);
type Timed = HistoryEntry & { atMs?: number };
const evidence = (...entries: Timed[]) => evidenceOf({ log, history: historyOf(entries) });
const details = ({ violations }: { violations: readonly { detail: string }[] }) =>
  violations.map(({ detail }) => detail);

describe('I8: undo of everything restores the tree', () => {
  const tree = (moment: 'before' | 'after', files: Record<string, string>, complete = true): Timed => ({
    kind: 'tree',
    moment,
    editor: 'e0',
    under: 'Assets/W',
    walk: 'w1',
    files,
    complete,
  });

  it('given the same files, holds', () => {
    const verdict = undoRestoresTheTree.check(
      evidence(tree('before', { x: '1', y: '2' }), tree('after', { x: '1', y: '2' })),
    );
    expect(verdict).toEqual({ checked: 1, violations: [] });
  });

  it('given bytes, a .meta or a folder that is not as before, says which', () => {
    const { violations } = undoRestoresTheTree.check(
      evidence(tree('before', { x: '1', 'x.meta': '2' }), tree('after', { x: 'other', 'new/': '' })),
    );
    expect(violations).toMatchObject([{ evidence: { gone: ['x.meta'], left: ['new/'], changed: ['x'] } }]);
  });

  it('given a walk that did not come to its end, counts it and claims nothing', () => {
    const verdict = undoRestoresTheTree.check(evidence(tree('before', { x: '1' }), tree('after', {}, false)));
    expect(verdict).toMatchObject({
      checked: 0,
      violations: [],
      notes: [expect.stringContaining('1 of 1 walks')],
    });
  });

  it('given an end without a beginning, says so', () => {
    expect(details(undoRestoresTheTree.check(evidence(tree('after', {}))))).toEqual([
      'walk w1 has no tree from before',
    ]);
  });
});

describe('I9: checkpoints never go back', () => {
  const at = (position: number, server: 'primary' | 'replica' = 'primary', stream = 's'): Timed => ({
    kind: 'checkpoint',
    server,
    streams: { log: stream },
    positions: { log: position },
  });
  const crash: Timed = { kind: 'process', phase: 'kill', name: 'postgres', role: 'postgres' };

  it('given positions that only grow, each server for itself, holds', () => {
    const verdict = checkpointsNeverGoBack.check(
      evidence(at(5), at(3, 'replica'), at(5), at(9), at(4, 'replica')),
    );
    expect(verdict).toEqual({ checked: 5, violations: [] });
  });

  it('given one that falls, says so; of another log it is another position', () => {
    expect(details(checkpointsNeverGoBack.check(evidence(at(5), at(4))))).toEqual([
      'the checkpoint of log went back on the primary: 5 → 4',
    ]);
    expect(details(checkpointsNeverGoBack.check(evidence(at(5), at(4, 'primary', 'anew'))))).toEqual([]);
  });

  it('given a kill of that very server between two looks, tells it as a note; a kill of the other one excuses nothing', () => {
    const standby: Timed = { ...crash, name: 'standby', role: 'standby' };
    const check = (...entries: Timed[]) => checkpointsNeverGoBack.check(evidence(...entries));
    const note = { violations: [], notes: [expect.stringContaining('1 times')] };
    expect(check(at(5), crash, at(4))).toMatchObject(note);
    expect(check(at(5, 'replica'), standby, at(4, 'replica'))).toMatchObject(note);
    expect(details(check(at(5, 'replica'), crash, at(4, 'replica')))).toHaveLength(1);
    expect(details(check(at(5), standby, at(4)))).toHaveLength(1);
    expect(details(check(crash, at(5), at(4)))).toHaveLength(1);
  });

  it('given a checkpoint that is gone, says so', () => {
    const gone: Timed = { kind: 'checkpoint', server: 'primary', streams: { log: 's' }, positions: {} };
    expect(details(checkpointsNeverGoBack.check(evidence(at(5), gone)))).toEqual([
      'the checkpoint of log went back on the primary: 5 → none',
    ]);
  });
});

describe('I10: live feeds', () => {
  const [s1 = 0, s2 = 0, s3 = 0, s4 = 0] = SEQS;
  const feed = (happened: 'open' | 'event' | 'reset' | 'close', more: object = {}): Timed => ({
    kind: 'feed',
    watcher: 'w',
    session: 's0',
    happened,
    ...more,
  });
  const got = (seq: number): Timed => feed('event', { seq });
  const check = (...entries: Timed[]) => details(liveFeedsHaveNoGap.check(evidence(...entries)));

  it('given every event in order over a reconnect, holds', () => {
    const end = feed('close', { reason: 'watched to the end', atMs: 60_000 });
    expect(
      check(
        feed('open'),
        got(s1),
        got(s2),
        feed('close'),
        feed('open', { after: s2 }),
        got(s3),
        got(s4),
        end,
      ),
    ).toEqual([]);
  });

  it('given an event that was left out, says so, unless a reset told it', () => {
    expect(check(feed('open'), got(s1), got(s3))).toEqual([`w: 1 events before ${s3} never came`]);
    expect(check(feed('open'), got(s1), feed('reset', { from: 'live' }), got(s3))).toEqual([]);
    expect(check(feed('open'), got(s1), feed('reset', { from: 'live' }), got(s2), got(s4))).toHaveLength(1);
  });

  it("given an event again, or one that is not the log's, says so", () => {
    expect(check(feed('open'), got(s1), got(s1))).toEqual([`w: event ${s1} came again behind ${s1}`]);
    expect(check(feed('open'), feed('event', { seq: s1, eventId: 'other' }))).toEqual([
      `w: event ${s1} is not the log's`,
    ]);
  });

  it('given a reset to the beginning, everything may come again', () => {
    expect(check(feed('open'), got(s1), feed('reset', { from: 'beginning' }), got(s1), got(s2))).toEqual([]);
  });

  it('given a watcher that ends without the last events, says so', () => {
    const end = feed('close', { reason: 'watched to the end', atMs: 60_000 });
    expect(check(feed('open'), got(s1), got(s2), end)).toEqual(['w: 2 events never came before it ended']);
    expect(check(feed('open'), got(s1), got(s2), feed('close', { reason: 'cut' }))).toEqual([]);
  });

  it('given a client that asks from elsewhere than it was, says so', () => {
    expect(check(feed('open'), got(s1), feed('close'), feed('open', { after: s2 }))).toEqual([
      `w: asked from ${s2}, but was at ${s1}`,
    ]);
  });
});

describe('I11: telemetry', () => {
  const preview: Script = { commandId: 'p', place: 1, type: 'unity.render_preview' };
  const previews = logOf([startedEvent(preview, { intent: null })], [endEvent(preview)]);
  const up: Timed = { kind: 'telemetry', happened: 'up', subscriber: 't', atMs: -20_000 };
  const frame = (commandId = 'p'): Timed => ({
    kind: 'telemetry',
    happened: 'frame',
    subscriber: 't',
    session: 's0',
    commandId,
    atMs: 1_000,
  });
  const check = (
    entries: Timed[],
    telemetry?: { firstSeq: number; lastSeq: number; kept: number; commandIds: string[] },
  ) => telemetryIsAccountedFor.check(evidenceOf({ log: previews, history: historyOf(entries), telemetry }));

  it('given each frame delivered, or lying in the stream, or counted as dropped, holds', () => {
    expect(check([up, frame()])).toMatchObject({ checked: 1, violations: [] });
    expect(check([up], { firstSeq: 1, lastSeq: 1, kept: 1, commandIds: ['p'] }).violations).toEqual([]);
    const dropped: Timed = {
      kind: 'metrics',
      process: 'worker-1',
      life: '1',
      counters: { spark_telemetry_dropped_total: 1 },
    };
    expect(check([up, dropped]).violations).toEqual([]);
  });

  it('given a frame that vanished, says so, unless its way was cut then', () => {
    expect(details(check([up]))).toEqual([
      'the frame of a completed preview never came, and nothing was wrong on its way',
    ]);
    const kill: Timed = { kind: 'process', phase: 'kill', name: 'worker-1', role: 'worker', atMs: 2_000 };
    expect(check([up, kill])).toMatchObject({
      violations: [],
      notes: [expect.stringContaining('1 on their way through a fault')],
    });
    const farAway: Timed = { ...kill, atMs: 90_000 };
    expect(details(check([up, farAway]))).toHaveLength(1);
    const elsewhere: Timed = { ...kill, role: 'projector', name: 'projector' };
    expect(details(check([up, elsewhere]))).toHaveLength(1);
  });

  it('given a frame of a command that made none, says so', () => {
    expect(details(check([up, frame(), frame('x')]))).toEqual([
      'a frame came of a command that is not in the log',
    ]);
  });

  it('given a stream that counts wrongly, or holds what nobody produced, says so', () => {
    expect(details(check([up, frame()], { firstSeq: 5, lastSeq: 6, kept: 3, commandIds: [] }))).toEqual([
      'the telemetry stream holds 3 messages between 5 and 6',
    ]);
    expect(details(check([up, frame()], { firstSeq: 1, lastSeq: 1, kept: 1, commandIds: ['x'] }))).toEqual([
      '1 telemetry messages are of no command of the log',
    ]);
  });

  it('given nobody who listened, claims nothing', () => {
    expect(check([])).toMatchObject({ checked: 0, violations: [] });
  });
});

describe('a violation', () => {
  it('names the faults around its time, and no others', () => {
    const history = historyOf([
      { kind: 'nemesis', phase: 'start', id: '1', fault: 'pause', target: 'worker-1', atMs: 10_000 },
      { kind: 'nemesis', phase: 'stop', id: '1', fault: 'pause', target: 'worker-1', atMs: 12_000 },
      { kind: 'process', phase: 'kill', name: 'gate', role: 'gate', atMs: 90_000 },
    ]);
    const violation = { invariant: 'I1' as const, detail: 'x', evidence: {}, atMs: BEGAN_MS + 14_000 };
    expect(withFaults([violation], history)[0]?.around).toEqual(['pause worker-1 (-4000 ms)']);
  });
});
