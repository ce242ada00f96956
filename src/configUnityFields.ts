import { z } from 'zod';

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** How long one call of a Unity MCP tool may take (product.md section 1, unity-mcp.md "Sessions and routing"). */
export const UNITY_FIELDS = [
  {
    name: 'UNITY_READ_TIMEOUT_MS',
    doc: 'Longest wait for a read of Unity MCP; a read that takes longer is tried again',
    unit: 'ms',
    default: '10000',
    schema: whole(100, 600_000),
  },
  {
    name: 'UNITY_RENDER_TIMEOUT_MS',
    doc: 'Longest wait for a picture, and for a scene to be loaded for one',
    unit: 'ms',
    default: '45000',
    schema: whole(100, 600_000),
  },
  {
    name: 'UNITY_BUILD_START_TIMEOUT_MS',
    doc: 'Longest wait for the start, or the cancel, of a build to be answered; the build itself has MCP_BUILD_TIMEOUT_MS',
    unit: 'ms',
    default: '45000',
    schema: whole(100, 600_000),
  },
  {
    name: 'UNITY_MUTATION_TIMEOUT_MS',
    doc: 'Longest wait for a change, which also waits for the compile; after it the outcome is looked up, not guessed',
    unit: 'ms',
    default: '150000',
    schema: whole(100, 600_000),
  },
] as const;
