import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SupervisedChild } from '../../src/embedded/supervisedChild.js';
import type { SystemEditor } from '../ports.js';
import { repositoryRoot } from './sparkRole.js';

const READY_POLL_MS = 20;
const ANSWER_MS = 2_000;

/** An editor with the name the MCP server gives it. */
export interface SimulatedEditor extends SystemEditor {
  /** `Name@hash`. */
  readonly instance: string;
}

/** The Unity simulator, with those editors, as a process of its own. Builds are short: a run has no time for long ones. */
export function createSimulator(options: {
  readonly stateDir: string;
  readonly port: number;
  readonly editors: readonly string[];
  readonly runDir: string;
  readonly logFile: string;
  readonly onExit: NonNullable<ConstructorParameters<typeof SupervisedChild>[0]['onExit']>;
  readonly onRestart: () => void;
}): SupervisedChild {
  const main = join(repositoryRoot(), 'dist', 'embedded', 'simulator', 'main.js');
  const { stateDir, port, editors, runDir, logFile, onExit, onRestart } = options;
  return new SupervisedChild({
    name: 'simulator',
    command: [
      ...([process.execPath, main, '--state', stateDir, '--port', String(port)] as const),
      ...['--editors', editors.join(','), '--build-ms', '2000'],
    ],
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    cwd: stateDir,
    stopSignals: ['SIGTERM'],
    stopStepMs: 1_000,
    runDir,
    logFile,
    ready: async (signal) => {
      while (!(await isOk(`http://127.0.0.1:${port}/health`, signal)))
        await sleep(READY_POLL_MS, undefined, { signal });
    },
    onExit,
    onRestart,
  });
}

/** Whether somebody answers there with 2xx. */
export async function isOk(url: string, signal: AbortSignal): Promise<boolean> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const stop = (): void => limit.abort();
  signal.addEventListener('abort', stop, { once: true });
  const timer = setTimeout(stop, ANSWER_MS);
  try {
    const response = await fetch(url, { signal: limit.signal });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

/** Whom the simulator has, with their folders. */
export async function simulatedEditors(baseUrl: string): Promise<SimulatedEditor[]> {
  const response = await fetch(`${baseUrl}/sim/editors`);
  const { editors } = (await response.json()) as {
    editors: { editor: string; instance: string; project: string }[];
  };
  return editors.map(({ editor, instance, project }) => ({ name: editor, instance, projectFolder: project }));
}
