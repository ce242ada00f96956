import { describe, expect, it } from 'vitest';
import type { CommandRequest } from '../../src/commands/envelope.js';
import { RecentAccepts } from '../../src/http/recentAccepts.js';

const request = { type: 't', sessionId: 's', editor: 'e', actor: 'a', idempotencyKey: null, payload: 'big' };

describe('RecentAccepts', () => {
  it('given more than fits, then the newest half is always there and the oldest are gone', () => {
    const recent = new RecentAccepts(10);
    for (let i = 0; i < 1_000; i++) recent.remember(String(i), request as unknown as CommandRequest, i);
    for (let i = 995; i < 1_000; i++) expect(recent.get(String(i))).toBeDefined();
    expect(recent.get('989')).toBeUndefined();
  });

  it('given a duplicate, then the time of the first accept stays, and no payload is kept', () => {
    const recent = new RecentAccepts(10);
    recent.remember('x', request as unknown as CommandRequest, 0);
    recent.remember('x', request as unknown as CommandRequest, 5);
    expect(recent.get('x')).toEqual({
      type: 't',
      sessionId: 's',
      editor: 'e',
      actor: 'a',
      idempotencyKey: null,
      acceptedAt: '1970-01-01T00:00:00.000Z',
    });
  });
});
