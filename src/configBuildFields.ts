import { z } from 'zod';

const DAY_MS = 86_400_000;
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** Builds, and the calls of arbitrary tools. */
export const BUILD_FIELDS = [
  {
    name: 'MCP_BUILD_TIMEOUT_MS',
    doc: 'A build not done this long after its start ends as build.timeout (restarts included); default 1 hour',
    unit: 'ms',
    default: '3600000',
    schema: whole(1_000, 7 * DAY_MS),
  },
  {
    name: 'MCP_BUILD_POLL_MS',
    doc: "Longest time between two looks at a running build; the editor's own wish counts when it is shorter, never below 250",
    unit: 'ms',
    default: '5000',
    schema: whole(250, 600_000),
  },
  {
    name: 'MCP_BUILD_GRACE_MS',
    doc: 'How long a build is looked for (job table, console, output) that an answering editor does not know any more, before its outcome is unknown',
    unit: 'ms',
    default: '60000',
    schema: whole(1_000, DAY_MS),
  },
  {
    name: 'MCP_CALL_TOOL',
    doc: 'unity.call_tool, any tool of the Unity MCP server: off, or on for tokens with the scope exec. Whatever such a tool changes is not in the undo log, even when a tool that SPARK itself uses for scripts and assets is called this way',
    default: 'off',
    schema: z.enum(['off', 'on']),
  },
] as const;
