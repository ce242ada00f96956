import { z } from 'zod';
import { codeOf, messageOf } from '../../core/errors.js';
import { type Finding, ill, well } from './finding.js';

const TIMEOUT_MS = 3_000;

const instancesBody = z.looseObject({ instances: z.array(z.unknown()) });

/** Whether the Unity MCP server answers, and whether an editor is connected to it. `url` is that of its /mcp. */
export async function checkUnity(url: string, fetchIt: typeof fetch): Promise<Finding> {
  const name = 'unity mcp';
  if (!URL.canParse(url)) return ill(name, `${url} is no URL`, 'Correct UNITY_MCP_URL.');
  let editors: number | undefined;
  try {
    const health = await fetchIt(new URL('/health', url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    await health.body?.cancel();
    if (!health.ok)
      return ill(name, `${url}: /health answers ${health.status}`, 'Look at the log of that server.');
    const listed = await fetchIt(new URL('/api/instances', url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
    const parsed = instancesBody.safeParse(listed.ok ? await listed.json() : undefined);
    editors = parsed.success ? parsed.data.instances.length : undefined;
  } catch (error) {
    const cause = (error as { cause?: unknown }).cause;
    return ill(
      name,
      `${url}: ${codeOf(cause) ?? messageOf(error)}`,
      'Start the Unity MCP server, or correct UNITY_MCP_URL (unset: the simulator).',
    );
  }
  if (editors === 0)
    return ill(
      name,
      `${url} runs, but no editor is connected`,
      'Open the project in Unity and connect its MCP plug-in.',
    );
  return well(
    name,
    editors === undefined ? url : `${url}, ${editors} editor${editors === 1 ? '' : 's'} connected`,
  );
}
