import type { CommandRequest } from '../commands/envelope.js';
import type { Refusal } from '../commands/problems.js';
import type { SubmitResult, Submitter } from '../http/ports.js';

const TYPE = 'unity.call_tool';

/** Why calls of arbitrary tools are refused on a way in. */
export const TOOL_CALLS_DISABLED: Refusal = refusal(
  'tool_calls_disabled',
  `"${TYPE}" is switched off: MCP_CALL_TOOL=on switches it on for tokens with the scope "exec"`,
);
export const TOOL_CALLS_NEED_A_TOKEN: Refusal = refusal(
  'forbidden',
  `"${TYPE}" needs a token with the scope "exec", which NATS does not carry: send it to POST /v1/commands`,
);

function refusal(code: Refusal['code'], message: string): Refusal {
  return { code, message, errors: [{ pointer: '/type', message }] };
}

/** A submitter that lets everything through but `unity.call_tool`, which it answers with `why`; the order stays. */
export function withoutToolCalls(submitter: Submitter, why: Refusal): Submitter {
  return {
    submit: async (requests, beforeStore) => {
      const allowed = requests.filter((request) => !isToolCall(request));
      if (allowed.length === requests.length) return submitter.submit(requests, beforeStore);
      const results = (allowed.length > 0 ? await submitter.submit(allowed, beforeStore) : []).values();
      return requests.flatMap((request): SubmitResult[] => {
        if (isToolCall(request)) return [{ kind: 'refused', refusal: why }];
        const { value } = results.next();
        return value ? [value] : [];
      });
    },
  };
}

const isToolCall = (request: CommandRequest): boolean => request.type === TYPE;
