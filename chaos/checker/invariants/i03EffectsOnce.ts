import type { Effect, Evidence, FileIntent } from '../evidence.js';
import { groupBy } from '../groupBy.js';
import { type CommandTrace, indexOf, stateOfTrace } from '../logIndex.js';
import { operationsOf } from '../operations.js';
import type { Invariant, Violation } from '../violation.js';

/**
 * I3: what the editors really did, by their own log, is what the commands say they did. Of one file: completed = the steps of its intent, each once,
 * otherwise none. Of several files (undo, rollback, preset): each file's steps lead from where it was to where the record says. Opaque tools
 * and builds: at most once, and once when completed. And nobody else's work: between two effects on a file only a human of the
 * history has written it.
 */
export const effectsOnce: Invariant = {
  id: 'I3',
  title: 'effects per command: completed once, failed and refused never, unknown at most once',
  check(evidence) {
    const index = indexOf(evidence.log);
    const byCommand = groupBy(
      evidence.effects.filter(({ commandId }) => commandId !== null),
      ({ commandId }) => commandId as string,
    );
    const strangers = [...byCommand].filter(([commandId]) => !index.commands.has(commandId));
    return {
      checked: index.commands.size,
      violations: [
        ...[...index.commands.values()].flatMap((trace) =>
          judge(trace, byCommand.get(trace.commandId) ?? [], evidence),
        ),
        ...strangers.map(([commandId, effects]) => stranger(commandId, effects)),
        ...brokenChains(evidence),
        ...keysTwice([...index.commands.values()]),
      ],
    };
  },
};

function judge(trace: CommandTrace, effects: readonly Effect[], evidence: Evidence): Violation[] {
  const breach = (detail: string): Violation[] => [violationOf(trace, effects, detail)];
  const state = stateOfTrace(trace);
  switch (trace.type) {
    case 'unity.call_tool': {
      if (effects.length > 1) return breach(`an opaque tool ran ${effects.length} times`);
      if (state === 'completed' && effects.length === 0 && changesSomething(trace, evidence))
        return breach('an opaque tool is told as completed and never ran');
      if (effects.length === 1 && NEVER.has(state))
        return breach(`an opaque tool ran and is told as ${state}`);
      return [];
    }
    case 'unity.run_build': {
      const starts = effects.filter(({ path }) => path !== null).length;
      // A build that is cancelled or runs out of time is ended by a second call on its own path.
      const most = state === 'completed' ? 1 : 2;
      if (starts > most) return breach(`a build was started ${starts} times`);
      if (state === 'completed' && starts === 0)
        return breach('a build is told as completed and was never started');
      return [];
    }
    default:
      return judgeFiles(trace, effects, state, breach);
  }
}

const NEVER = new Set(['failed', 'rejected', 'cancelled', 'conflict']);

function judgeFiles(
  trace: CommandTrace,
  effects: readonly Effect[],
  state: string,
  breach: (detail: string) => Violation[],
): Violation[] {
  const started = trace.started?.event;
  const intents = started?.intents ?? (started?.intent ? [started.intent] : []);
  const files = effects.filter(({ path, beforeSha, afterSha }) => path !== null && beforeSha !== afterSha);
  const unit = started?.intents !== undefined;
  if (intents.length === 0)
    return files.length === 0 ? [] : breach(`${state} without an intent, and ${files.length} effects`);
  const end = trace.ends[0]?.event;
  const stays = new Set((end?.changes ?? []).map(({ operation }) => `${operation.editor}:${operation.path}`));
  return intents.flatMap((intent) => {
    const own = files.filter(({ editor, path }) => editor === intent.editor && samePath(path, intent.path));
    const happened = state === 'completed' || (unit && stays.has(`${intent.editor}:${intent.path}`));
    if (happened)
      return walked(intent, own)
        ? []
        : breach(`${intent.path}: ${state} with ${told(own)}, not ${steps(intent)}`);
    if (state === 'outcome_unknown') {
      return own.length <= steps(intent) ? [] : breach(`${intent.path}: unknown, and ${told(own)}`);
    }
    // A unit that fails half way takes back what it did: there and back is no effect in the end.
    if (unit && own.length > 0 && own.at(-1)?.afterSha === own[0]?.beforeSha) return [];
    return own.length === 0 ? [] : breach(`${intent.path}: ${state} with ${told(own)}`);
  });
}

const steps = (intent: FileIntent): number => new Set(intent.waypoints).size - 1;
const told = (effects: readonly Effect[]): string =>
  `${effects.length} effect${effects.length === 1 ? '' : 's'}`;

/** Whether the effects go exactly along the states of the intent, each step once. */
function walked({ waypoints }: FileIntent, effects: readonly Effect[]): boolean {
  const way = waypoints.filter((sha, at) => sha !== waypoints[at - 1]);
  return (
    effects.length === way.length - 1 &&
    effects.every(
      ({ beforeSha, afterSha }, at) => (beforeSha ?? '') === way[at] && (afterSha ?? '') === way[at + 1],
    )
  );
}

/** Only a tool that the client knows to change something is owed an effect. */
function changesSomething({ commandId }: CommandTrace, { history }: Evidence): boolean {
  return operationsOf(history).some(
    ({ invoke, answer }) => answer?.commandId === commandId && invoke.about?.['effectful'] === true,
  );
}

const samePath = (path: string | null, wanted: string): boolean => path === wanted;

function violationOf(trace: CommandTrace, effects: readonly Effect[], detail: string): Violation {
  const end = trace.ends[0];
  return {
    invariant: 'I3',
    detail,
    commandId: trace.commandId,
    atMs: effects[0] ? Date.parse(effects[0].at) : end?.tsMs,
    evidence: {
      log: trace.events.map(({ seq, event }) => ({
        seq,
        type: event.type,
        outcome: event.outcome,
        waypoints: event.intent?.waypoints ?? event.intents?.map(({ path, waypoints }) => [path, waypoints]),
      })),
      effects,
    },
  };
}

const stranger = (commandId: string, effects: readonly Effect[]): Violation => ({
  invariant: 'I3',
  detail: `${told(effects)} of a command that the log does not know`,
  commandId,
  atMs: effects[0] && Date.parse(effects[0].at),
  evidence: { log: 'no event of it', effects },
});

/** A key is one command; whatever else came under it was rejected. */
function keysTwice(traces: readonly CommandTrace[]): Violation[] {
  const keyed = traces.filter((trace) => trace.key != null && stateOfTrace(trace) !== 'rejected');
  return [...groupBy(keyed, ({ sessionId, key }) => `${sessionId}\0${key}`).values()].flatMap((own) => {
    const [first, second] = own;
    if (!first || !second) return [];
    const told = own.map((trace) => ({ commandId: trace.commandId, state: stateOfTrace(trace) }));
    return [
      {
        invariant: 'I3' as const,
        detail: `key ${first.key} of ${first.sessionId} is ${own.length} commands`,
        commandId: second.commandId,
        atMs: second.events[0]?.tsMs,
        evidence: { log: told },
      },
    ];
  });
}

/** Every effect on a file starts from what the one before left there, or from what a human of the history saved in between. */
function brokenChains({ effects, history }: Evidence): Violation[] {
  const human = new Set(
    history.flatMap((record) =>
      record.kind === 'outside' ? [`${record.editor}:${record.path}:${record.afterSha ?? ''}`] : [],
    ),
  );
  const last = new Map<string, Effect>();
  return effects.flatMap((effect) => {
    const { editor, path, beforeSha, afterSha } = effect;
    if (path === null || beforeSha === afterSha) return [];
    const file = `${editor}:${path}`;
    const before = last.get(file);
    last.set(file, effect);
    if (!before || before.afterSha === beforeSha || human.has(`${file}:${beforeSha ?? ''}`)) return [];
    return [
      {
        invariant: 'I3' as const,
        detail: `${file} was changed from a state that nobody left there`,
        commandId: effect.commandId ?? undefined,
        atMs: Date.parse(effect.at),
        evidence: { effects: [before, effect] },
      },
    ];
  });
}
