import type { EventKey, Evidence } from '../evidence.js';
import { indexOf, stateOfTrace } from '../logIndex.js';
import type { Invariant, Violation } from '../violation.js';
import { dumpDifferences, failedRebuild, rowsOf } from './dumpDifferences.js';

const SERVERS = ['primary', 'replica'] as const;
type Server = (typeof SERVERS)[number];

/**
 * I6: on primary and standby alike, every read model is what the product's own fold makes of the log in an empty database, row by row and byte
 * by byte. That fold may be wrong itself, so events and states are also held against the log as the checker reads it.
 */
export const readModelsAreFolds: Invariant = {
  id: 'I6',
  title: 'every read model is the fold of the log, on primary and standby',
  check(evidence) {
    const { models } = evidence;
    const folded = { name: 'the fold', tables: models.folded };
    return {
      checked: rowsOf(models.folded),
      violations: [
        ...failedRebuild('I6', models.foldError),
        ...SERVERS.flatMap((server) => [
          ...dumpDifferences('I6', folded, { name: server, tables: models[server] }),
          ...eventRows(evidence, server),
          ...states(evidence, server),
        ]),
      ],
    };
  },
};

/** The events of the log, each once, at its place. */
function eventRows({ log, models }: Evidence, server: Server): Violation[] {
  const rows = new Map<number, EventKey[]>();
  for (const row of models.eventKeys[server]) rows.set(row.seq, [...(rows.get(row.seq) ?? []), row]);
  const wrong = indexOf(log).events.flatMap(({ event, seq, tsMs }) => {
    const there = rows.get(seq) ?? [];
    rows.delete(seq);
    if (there.length === 1 && there[0]?.eventId === event.eventId) return [];
    return [
      {
        invariant: 'I6' as const,
        detail: `${event.type} (seq ${seq}) stands ${there.length} times in spark_events of the ${server}`,
        commandId: event.commandId,
        atMs: tsMs,
        evidence: { log: { seq, eventId: event.eventId }, [server]: there },
      },
    ];
  });
  if (rows.size === 0) return wrong;
  return [
    ...wrong,
    {
      invariant: 'I6',
      detail: `${rows.size} rows of spark_events on the ${server} are no events of the log`,
      evidence: { [server]: [...rows.values()].slice(0, 5).flat() },
    },
  ];
}

function states({ log, commands }: Evidence, server: Server): Violation[] {
  const rows = new Map(commands[server].map((row) => [row.commandId, row]));
  return [...indexOf(log).commands.values()].flatMap((trace) => {
    const row = rows.get(trace.commandId);
    const state = stateOfTrace(trace);
    if (row?.state === state) return [];
    return [
      {
        invariant: 'I6' as const,
        detail: `the ${server} shows ${row?.state ?? 'nothing'} of a command that is ${state} by the log`,
        commandId: trace.commandId,
        atMs: trace.events.at(-1)?.tsMs,
        evidence: { log: trace.events.map(({ seq, event }) => [seq, event.type]), [server]: row },
      },
    ];
  });
}
