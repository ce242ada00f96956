import type { Evidence } from '../evidence.js';
import { groupBy } from '../groupBy.js';
import { type CommandTrace, indexOf, isEnd } from '../logIndex.js';
import type { Invariant, Violation } from '../violation.js';

/** Endings that may come without a beginning: nothing was ever begun. */
const UNBEGUN = new Set(['rejected', 'cancelled', 'expired', 'failed', 'conflict']);

/**
 * I5: the log has no hole and no event twice; each command begins at most once and before its end, nothing of it follows its end; and within
 * a partition nobody but the owner that claimed it last has appended, with fence tokens that only grow.
 */
export const wellFormedLog: Invariant = {
  id: 'I5',
  title: 'well-formed, gap-free streams',
  check(evidence) {
    const index = indexOf(evidence.log);
    return {
      checked: evidence.log.length,
      violations: [
        ...holes(evidence),
        ...twice(evidence),
        ...[...index.commands.values()].flatMap(shape),
        ...foreignOwners(evidence),
        ...fallingTokens(evidence),
      ],
    };
  },
};

function holes({ log, logLastSeq }: Evidence): Violation[] {
  const gap = (after: number, next: number): Violation => ({
    invariant: 'I5',
    detail: `the log has no message between ${after} and ${next}`,
    evidence: { log: { after, next } },
  });
  const found = log.flatMap(({ streamSeq }, at) => {
    const before = at === 0 ? 0 : (log[at - 1]?.streamSeq ?? 0);
    return streamSeq === before + 1 ? [] : [gap(before, streamSeq)];
  });
  const last = log.at(-1)?.streamSeq ?? 0;
  return last === logLastSeq ? found : [...found, gap(last, logLastSeq + 1)];
}

function twice({ log }: Evidence): Violation[] {
  const seen = new Map<string, number>();
  return indexOf(log).events.flatMap(({ event, seq, tsMs }) => {
    const earlier = seen.get(event.eventId);
    seen.set(event.eventId, seq);
    if (earlier === undefined) return [];
    return [
      {
        invariant: 'I5' as const,
        detail: `${event.type} stands in the log twice`,
        commandId: event.commandId,
        atMs: tsMs,
        evidence: { log: { first: earlier, again: seq, event } },
      },
    ];
  });
}

function shape({ commandId, events, started, ends }: CommandTrace): Violation[] {
  const told = events.map(({ seq, event }) => ({ seq, type: event.type, outcome: event.outcome }));
  const breach = (detail: string): Violation => ({
    invariant: 'I5',
    detail,
    commandId,
    atMs: events.at(-1)?.tsMs,
    evidence: { log: told },
  });
  const begins = events.filter(({ event }) => event.kind === 'started').length;
  const [end] = ends;
  const breaches: Violation[] = [];
  if (begins > 1) breaches.push(breach(`began ${begins} times`));
  if (started && events[0] !== started) breaches.push(breach('did something before it began'));
  if (end && events.at(-1) !== end) breaches.push(breach('went on after its end'));
  if (!started && end) {
    if (!end.event.envelope) breaches.push(breach('ended without a beginning and without its envelope'));
    else if (!isUnbegun(end.event.outcome)) breaches.push(breach(`is ${end.event.outcome} and never began`));
  }
  if (events.some(({ event }) => event.kind !== 'started' && !isEnd(event)))
    breaches.push(breach('has an event that neither begins nor ends it'));
  return breaches;
}

/** A record (usage, import) and a command that found nothing to do complete without an intent. */
const isUnbegun = (outcome: string | undefined): boolean =>
  outcome === 'completed' || UNBEGUN.has(outcome ?? '');

/**
 * An owner's epoch is the sequence of its claim, a message without events (others without events are only barriers). Behind a claim that
 * somebody has worked under, nobody appends with an earlier epoch.
 */
function foreignOwners({ log }: Evidence): Violation[] {
  const bare = new Map(
    log.flatMap(({ streamSeq, partition, events }) => (events?.length === 0 ? [[streamSeq, partition]] : [])),
  );
  const intents = indexOf(log).events.filter(({ event }) => event.token !== undefined);
  return [...groupBy(intents, ({ partition }) => partition)].flatMap(([partition, own]) => {
    const epochs = [...new Set(own.map(({ event }) => event.token?.epoch ?? 0))].sort((a, b) => a - b);
    return own.flatMap(({ event, streamSeq, tsMs }) => {
      const epoch = event.token?.epoch ?? 0;
      const owner = epochs.findLast((claim) => claim < streamSeq);
      const claimed = bare.get(epoch) === partition;
      if (claimed && owner === epoch) return [];
      return [
        {
          invariant: 'I5' as const,
          detail: claimed
            ? `partition ${partition}: an owner of epoch ${epoch} appended behind the claim of epoch ${owner}`
            : `partition ${partition}: an owner appended under epoch ${epoch}, which nobody has claimed`,
          commandId: event.commandId,
          atMs: tsMs,
          evidence: { log: { streamSeq, token: event.token, owner } },
        },
      ];
    });
  });
}

/** Per partition and editor, as the gate compares them; call 0 is of an intent that calls no editor. */
function fallingTokens({ log }: Evidence): Violation[] {
  const started = indexOf(log).events.filter(({ event }) => (event.token?.call ?? 0) > 0);
  const lanes = groupBy(started, ({ partition, event }) => `${partition}\0${event.editor}`);
  return [...lanes.values()].flatMap((events) =>
    events.flatMap(({ event, seq, tsMs }, at) => {
      const before = events[at - 1]?.event.token;
      const { token } = event;
      if (!before || !token) return [];
      if (token.epoch > before.epoch || (token.epoch === before.epoch && token.call > before.call)) return [];
      return [
        {
          invariant: 'I5' as const,
          detail: `fence tokens of ${event.editor} do not grow`,
          commandId: event.commandId,
          atMs: tsMs,
          evidence: { log: { seq, token, before } },
        },
      ];
    }),
  );
}
