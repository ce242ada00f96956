import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from '../../src/observability/logger.js';
import { REDACTED } from '../../src/observability/redact.js';

function logged(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger({ level: 'info', write: (line) => lines.push(line), ...options });
  return { logger, lines, first: () => JSON.parse(lines[0] ?? '') as Record<string, unknown> };
}

describe('the logger', () => {
  it('given fields and a message, then it is one JSON line with level and ISO time', () => {
    const { logger, lines, first } = logged({ fields: { service: 'spark' } });
    logger.child({ role: 'ingest' }).warn({ editor: 'left' }, 'the editor is away');
    expect(lines[0]?.endsWith('}\n')).toBe(true);
    expect(first()).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      service: 'spark',
      role: 'ingest',
      editor: 'left',
      message: 'the editor is away',
    });
  });

  it('given a level, then what lies below is not written', () => {
    const { logger, lines } = logged({ level: 'error' });
    logger.info({}, 'quiet');
    expect(lines).toEqual([]);
  });

  it('given secrets under any of their names, then none is written', () => {
    const { logger, first } = logged();
    logger.info(
      {
        token: 's3cret',
        natsPassword: 's3cret',
        headers: { authorization: 'Bearer s3cret', cookie: 's3cret', accept: '*/*' },
        deep: { list: [{ UNITY_MCP_TOKEN: 's3cret', apiKey: 's3cret' }] },
        fenceToken: { epoch: 1, call: 2 },
      },
      'x',
    );
    expect(JSON.stringify(first())).not.toContain('s3cret');
    expect(first()).toMatchObject({
      token: REDACTED,
      headers: { accept: '*/*' },
      fenceToken: { epoch: 1, call: 2 },
    });
  });

  it('given a child with a secret, then it is not written either', () => {
    const { logger, lines } = logged();
    logger.child({ password: 's3cret' }).info({}, 'x');
    expect(lines.join('')).not.toContain('s3cret');
  });

  it('given a payload, then its code is a size, and an error’s code stays', () => {
    const { logger, first } = logged();
    logger.info(
      { code: 'saturated', payload: { path: 'Assets/A.cs', code: 'class Ä {}', edits: [{ newText: 'x' }] } },
      'x',
    );
    expect(first()).toMatchObject({
      code: 'saturated',
      payload: { path: 'Assets/A.cs', code: '[11 bytes]', edits: [{ newText: '[1 bytes]' }] },
    });
  });

  it('given credentials inside texts and errors, then they are taken out', () => {
    const { logger, lines, first } = logged();
    const err = new Error('connect postgres://spark:hunter2@127.0.0.1/db failed, sent Bearer abcdef123456');
    logger.error({ err, url: 'nats://user:hunter2@127.0.0.1:4222' }, 'nats://:hunter2@x is away');
    expect(lines.join('')).not.toMatch(/hunter2|abcdef123456/);
    expect(first()['err']).toMatchObject({ type: 'Error', stack: expect.stringContaining('logger.test') });
    expect(first()['url']).toBe(`nats://user:${REDACTED}@127.0.0.1:4222`);
  });

  it('given a terminal, then it is one line for people, and nothing in it can forge another', () => {
    const { logger, lines } = logged({ pretty: true });
    logger.warn({ editor: 'left\nFAKE', attempts: 2 }, 'away\u001b[2J');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} warn {2}away \[2J {2}editor=left FAKE attempts=2\n$/);
  });

  it('given colours, then they are only added when asked for', () => {
    const { logger, lines } = logged({ pretty: true, color: true });
    logger.info({}, 'x');
    expect(lines[0]).toContain('\u001b[36minfo');
  });
});
