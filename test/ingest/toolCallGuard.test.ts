import { describe, expect, it } from 'vitest';
import type { CommandRequest } from '../../src/commands/envelope.js';
import { TOOL_CALLS_DISABLED, withoutToolCalls } from '../../src/ingest/toolCallGuard.js';
import { aRequest } from '../support/commandFixtures.js';

const tool = aRequest({ type: 'unity.call_tool', payload: { tool: 'execute_menu_item' } });
const script = (n: number) => aRequest({ key: `k-${n}` });

describe('a submitter without tool calls', () => {
  it('given a mix, then the tool calls are refused in their places and the rest goes through in order', async () => {
    const seen: CommandRequest[] = [];
    const guarded = withoutToolCalls(
      {
        submit: async (requests) => {
          seen.push(...requests);
          return requests.map(({ idempotencyKey }) => ({
            kind: 'accepted' as const,
            commandId: String(idempotencyKey),
            duplicate: false,
            status: 'accepted' as const,
          }));
        },
      },
      TOOL_CALLS_DISABLED,
    );
    const results = await guarded.submit([tool, script(1), tool, script(2)]);
    expect(results.map((result) => (result.kind === 'accepted' ? result.commandId : result.kind))).toEqual([
      'refused',
      'k-1',
      'refused',
      'k-2',
    ]);
    expect(results[0]).toEqual({ kind: 'refused', refusal: TOOL_CALLS_DISABLED });
    expect(seen.map(({ type }) => type)).toEqual(['unity.generate_script', 'unity.generate_script']);
    expect(await guarded.submit([tool])).toHaveLength(1);
    expect(seen).toHaveLength(2);
  });
});
