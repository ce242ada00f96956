import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../chaos/checker/evidence.js';
import { readModelsAreFolds } from '../../chaos/checker/invariants/i06ReadModelsAreFolds.js';
import { rebuildIsLive } from '../../chaos/checker/invariants/i07RebuildIsLive.js';
import { auditIsComplete } from '../../chaos/checker/invariants/i12AuditIsComplete.js';
import { dumpOf, endEvent, evidenceOf, logOf, type Script, startedEvent } from './support/run.js';

const a: Script = { commandId: 'a', place: 1 };
const log = logOf([startedEvent(a)], [endEvent(a)]);
const well = evidenceOf({ log });
const models = (over: Partial<Evidence['models']>): Evidence => ({
  ...well,
  models: { ...well.models, ...over },
});
const details = (violations: readonly { detail: string }[]) => violations.map(({ detail }) => detail);
const operations = (rows: Record<string, string>) => [dumpOf('spark_operations', rows)];

describe('I6: read models are folds of the log', () => {
  it('given the fold on both servers, holds, and says how many rows it looked at', () => {
    expect(readModelsAreFolds.check(well)).toEqual({ checked: 2, violations: [] });
  });

  it.each(['primary', 'replica'] as const)(
    'given a row of the %s that is missing, extra or different, says which',
    (server) => {
      const folded = operations({ o1: 'x', o2: 'y', o3: 'z' });
      const found = operations({ o1: 'x', o2: 'other', o4: 'z' });
      const { violations } = readModelsAreFolds.check(
        models({ folded, primary: folded, replica: folded, [server]: found }),
      );
      expect(violations).toMatchObject([
        {
          detail: `spark_operations: 3 of 3 rows of ${server} are not what the fold gives`,
          evidence: {
            'only in the fold': { count: 1, keys: ['o3'] },
            [`only in ${server}`]: { count: 1, keys: ['o4'] },
            different: { count: 1, keys: ['o2'] },
          },
        },
      ]);
    },
  );

  it('given a table that is not there at all, says so', () => {
    expect(details(readModelsAreFolds.check(models({ replica: [] })).violations)).toEqual([
      'spark_events: 2 of 2 rows of replica are not what the fold gives',
    ]);
  });

  it('given a product whose fold and models agree on a wrong set of events, is not fooled', () => {
    const { primary } = well.models.eventKeys;
    const eventKeys = (rows: typeof primary) => models({ eventKeys: { primary: rows, replica: primary } });
    expect(details(readModelsAreFolds.check(eventKeys(primary.slice(1))).violations)).toEqual([
      'apply_unity_patch.started (seq 2048) stands 0 times in spark_events of the primary',
    ]);
    expect(
      details(readModelsAreFolds.check(eventKeys([...primary, ...primary.slice(0, 1)])).violations),
    ).toEqual(['apply_unity_patch.started (seq 2048) stands 2 times in spark_events of the primary']);
    expect(
      details(readModelsAreFolds.check(eventKeys([...primary, { seq: 9, eventId: 'x' }])).violations),
    ).toEqual(['1 rows of spark_events on the primary are no events of the log']);
  });

  it('given a rebuild that failed, says so, and tells the rest all the same', () => {
    const failed = models({ folded: [], foldError: 'exit code 1' });
    expect(details(readModelsAreFolds.check(failed).violations)).toEqual(["the product's rebuild failed"]);
    expect(
      details(rebuildIsLive.check(models({ rebuilt: undefined, rebuildError: 'x' })).violations),
    ).toEqual(["the product's rebuild failed"]);
  });

  it('given a state that is not the one by the log, says so', () => {
    const [row] = well.commands.primary;
    if (!row) throw new Error('one row');
    const wrong = { ...well, commands: { primary: [{ ...row, state: 'conflict' }], replica: [] } };
    expect(details(readModelsAreFolds.check(wrong).violations)).toEqual([
      'the primary shows conflict of a command that is completed by the log',
      'the replica shows nothing of a command that is completed by the log',
    ]);
  });
});

describe('I7: a rebuild gives what is live', () => {
  it('given the same rows, holds; without a rebuild nothing is claimed', () => {
    expect(rebuildIsLive.check(well)).toEqual({ checked: 2, violations: [] });
    expect(rebuildIsLive.check(models({ rebuilt: undefined }))).toMatchObject({ checked: 0, violations: [] });
  });

  it('given a rebuild with another row, says so', () => {
    const { violations } = rebuildIsLive.check(
      models({ primary: operations({ o1: 'x' }), rebuilt: operations({ o1: 'y' }) }),
    );
    expect(details(violations)).toEqual([
      'spark_operations: 1 of 1 rows of its rebuild are not what the live database gives',
    ]);
  });
});

describe('I12: the audit is complete', () => {
  const [row] = well.commands.primary;
  if (!row) throw new Error('one row');

  it('given actor and times everywhere, holds', () => {
    expect(auditIsComplete.check(well)).toMatchObject({ checked: 1, violations: [] });
    const audited = { ...well, audit: [{ commandId: 'a', actor: 'chaos', at: '2026-03-01T10:00:00Z' }] };
    expect(auditIsComplete.check(audited)).toEqual({ checked: 1, violations: [] });
  });

  it('given a log event, a row or an audit record that lacks something, says what', () => {
    const event = startedEvent(a);
    const anonymous = { ...event, envelope: { ...(event.envelope ?? raise()), actor: '' } };
    const inLog = evidenceOf({ log: logOf([anonymous], [endEvent(a)]) });
    expect(details(auditIsComplete.check(inLog).violations)).toEqual(['unity.apply_patch: log lacks actor']);
    const inRow = { ...well, commands: { primary: [{ ...row, startedAt: null }], replica: [] } };
    expect(details(auditIsComplete.check(inRow).violations)).toEqual([
      'unity.apply_patch: primary lacks began',
      'unity.apply_patch: replica lacks actor, accepted, ended, began',
    ]);
    expect(details(auditIsComplete.check({ ...well, audit: [] }).violations)).toEqual([
      'unity.apply_patch: spark_audit lacks its record',
    ]);
  });
});

function raise(): never {
  throw new Error('a started event has an envelope');
}
