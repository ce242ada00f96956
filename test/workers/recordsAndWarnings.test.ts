import { describe, expect, it } from 'vitest';
import { withNameWarning } from '../../src/workers/execute/nameWarning.js';
import { publishOf } from '../../src/workers/ledger/settle.js';
import { aCommand } from '../support/commandFixtures.js';

const completed = (result: Record<string, unknown>) => ({ kind: 'completed', result }) as const;

describe('a script whose name is not that of its file', () => {
  const command = (name: string) => ({
    ...aCommand({ seq: 1 }),
    type: 'unity.generate_script',
    payload: { name, path: 'Assets/Scripts/Player.cs', code: 'class Enemy {}' },
  });

  it('is written, and the result says what it means', () => {
    const verdict = withNameWarning(command('Enemy'), completed({ sha256: 'ab' }));
    expect(verdict).toMatchObject({
      kind: 'completed',
      result: { sha256: 'ab', warning: expect.stringMatching(/Enemy.*Player\.cs/) },
    });
  });

  it('keeps the warning that is there', () => {
    const verdict = withNameWarning(command('Enemy'), completed({ warning: 'first' }));
    expect(verdict).toMatchObject({ result: { warning: expect.stringMatching(/^first; .*Player/) } });
  });

  it.each([
    ['the same name', command('Player'), completed({})],
    ['another command', { ...command('Enemy'), type: 'unity.delete_script' }, completed({})],
    ['a failure', command('Enemy'), { kind: 'hold', reason: 'away', retryAfterMs: 1 } as const],
  ])('given %s, says nothing', (_, asked, verdict) => {
    expect(withNameWarning(asked, verdict)).toBe(verdict);
  });
});

describe('the publish that asks for a command again', () => {
  it('carries what travels beside the payload, so that a dead letter loses none of it', () => {
    const command = {
      ...aCommand({ seq: 1, key: 'k1' }),
      actor: 'agent-7',
      correlationId: 'story',
      causationId: null,
      deadline: '2030-01-01T00:00:00.000Z',
      priority: 8,
      traceparent: null,
    };
    const { subject, headers, data } = publishOf(command);
    expect(subject).toBe(`spark.commands.${command.editor}.${command.type}.${command.sessionId}`);
    expect(headers).toEqual({
      'Spark-Idempotency-Key': 'k1',
      'Spark-Actor': 'agent-7',
      'Spark-Correlation-Id': 'story',
      'Spark-Deadline': '2030-01-01T00:00:00.000Z',
      'Spark-Priority': '8',
    });
    expect(JSON.parse(new TextDecoder().decode(data))).toEqual(command.payload);
  });
});
