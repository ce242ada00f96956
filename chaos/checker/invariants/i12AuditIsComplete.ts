import type { Evidence } from '../evidence.js';
import { groupBy } from '../groupBy.js';
import { type CommandTrace, indexOf } from '../logIndex.js';
import type { Invariant, Violation } from '../violation.js';

/**
 * I12: of every command that has ended it is on record who asked for it and when it was accepted, began and ended: in the log, in
 * `spark_commands` of primary and standby, and, where the product keeps `spark_audit`, there once.
 */
export const auditIsComplete: Invariant = {
  id: 'I12',
  title: 'the audit is complete',
  check(evidence) {
    const ended = [...indexOf(evidence.log).commands.values()].filter(({ ends }) => ends.length > 0);
    return {
      checked: ended.length,
      violations: [
        ...ended.flatMap(inTheLog),
        ...inTheModels(ended, evidence, 'primary'),
        ...inTheModels(ended, evidence, 'replica'),
        ...inTheAudit(ended, evidence),
      ],
      ...(evidence.audit
        ? {}
        : { notes: ['there is no spark_audit: judged over the log and spark_commands'] }),
    };
  },
};

const isTime = (text: string | null | undefined): boolean => text != null && !Number.isNaN(Date.parse(text));

function inTheLog(trace: CommandTrace): Violation[] {
  const envelope = trace.events.find(({ event }) => event.envelope)?.event.envelope;
  const [end] = trace.ends;
  const missing = [
    ...(envelope?.actor ? [] : ['actor']),
    ...(isTime(envelope?.acceptedAt) ? [] : ['accepted']),
    ...(isTime(end?.event.timestamp) ? [] : ['ended']),
  ];
  return missing.length === 0 ? [] : [incomplete(trace, 'log', missing, envelope)];
}

function inTheModels(
  ended: readonly CommandTrace[],
  { commands }: Evidence,
  server: 'primary' | 'replica',
): Violation[] {
  const rows = new Map(commands[server].map((row) => [row.commandId, row]));
  return ended.flatMap((trace) => {
    const row = rows.get(trace.commandId);
    const missing = [
      ...(row?.actor ? [] : ['actor']),
      ...(isTime(row?.acceptedAt) ? [] : ['accepted']),
      ...(isTime(row?.finishedAt) ? [] : ['ended']),
      ...(trace.started && !isTime(row?.startedAt) ? ['began'] : []),
    ];
    return missing.length === 0 ? [] : [incomplete(trace, server, missing, row)];
  });
}

function inTheAudit(ended: readonly CommandTrace[], { audit }: Evidence): Violation[] {
  if (!audit) return [];
  const rows = groupBy(audit, ({ commandId }) => commandId);
  return ended.flatMap((trace) => {
    const own = rows.get(trace.commandId) ?? [];
    const whole = own.filter(({ actor, at }) => actor && isTime(at));
    return whole.length > 0 ? [] : [incomplete(trace, 'spark_audit', ['its record'], own)];
  });
}

const incomplete = (
  { commandId, type, ends }: CommandTrace,
  where: string,
  missing: readonly string[],
  found: unknown,
): Violation => ({
  invariant: 'I12',
  detail: `${type ?? 'a command'}: ${where} lacks ${missing.join(', ')}`,
  commandId,
  atMs: ends[0]?.tsMs,
  evidence: { [where]: found ?? 'nothing' },
});
