import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../core/clock.js';
import type { Home } from '../embedded/home.js';
import { rememberedPort } from '../embedded/ports.js';
import { SupervisedChild } from '../embedded/supervisedChild.js';
import type { EditorResolver } from '../unity/editorDirectory.js';

/** The Unity simulator as a process of its own, on one port for the life of the home. */
export interface SimulatorProcess {
  readonly mcpUrl: string;
  readonly baseUrl: string;
  readonly effectLog: string;
  readonly pid: number | undefined;
  readonly resolve: EditorResolver;
  projects(): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

const READY_POLL_MS = 20;

export async function startSimulatorProcess(options: {
  readonly home: Home;
  readonly onRestart: () => void;
}): Promise<SimulatorProcess> {
  const { home } = options;
  const stateDir = home.stateDir('unity');
  const port = await rememberedPort(home.state, 'simulatorPort');
  const baseUrl = `http://127.0.0.1:${port}`;
  const main = fileURLToPath(new URL('../embedded/simulator/main.js', import.meta.url));
  const child = new SupervisedChild({
    name: 'simulator',
    command: [process.execPath, main, '--state', stateDir, '--port', String(port)],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    cwd: home.dir,
    stopSignals: ['SIGTERM'],
    stopStepMs: 1_000,
    runDir: home.runDir,
    logFile: join(stateDir, 'simulator.log'),
    ready: (signal) => answers(`${baseUrl}/health`, signal),
    onRestart: options.onRestart,
  });
  await child.start();
  const editors = () => listEditors(baseUrl);
  return {
    mcpUrl: `${baseUrl}/mcp`,
    baseUrl,
    effectLog: join(stateDir, 'effects.jsonl'),
    get pid() {
      return child.pid;
    },
    resolve: simulatorResolver(baseUrl),
    projects: async () =>
      Object.fromEntries((await editors()).map(({ editor, project }) => [editor, project])),
    stop: () => child.stop(),
  };
}

/** Where the editors of the simulator at `baseUrl` are. */
export function simulatorResolver(baseUrl: string): EditorResolver {
  return async (editor) => {
    const found = (await listEditors(baseUrl)).find((candidate) => candidate.editor === editor);
    return found
      ? { instance: found.instance, projectFolder: found.project, serverUrl: `${baseUrl}/mcp` }
      : null;
  };
}

interface SimulatedEditor {
  readonly editor: string;
  readonly instance: string;
  readonly project: string;
}

async function listEditors(baseUrl: string): Promise<SimulatedEditor[]> {
  const response = await fetch(`${baseUrl}/sim/editors`, { signal: AbortSignal.timeout(2_000) });
  return ((await response.json()) as { editors: SimulatedEditor[] }).editors;
}

async function answers(url: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      const response = await fetch(url, { signal });
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await systemClock.sleep(READY_POLL_MS);
  }
}
