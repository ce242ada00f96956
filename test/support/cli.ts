import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/spark.js', import.meta.url));

export interface CliRun {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The real command line as its own process, with nothing of SPARK in its environment but the home. */
export function startCli(home: string, args: readonly string[], env: Record<string, string> = {}) {
  const { PATH = '', HOME = '' } = process.env;
  const child: ChildProcess = spawn(process.execPath, [BIN, ...args], {
    env: { PATH, HOME, SPARK_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout?.on('data', (chunk: Buffer) => {
    text.out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    text.err += chunk.toString();
  });
  const ended = new Promise<CliRun>((resolve) =>
    child.once('close', (code) => resolve({ code, out: text.out, err: text.err })),
  );
  return { child, text, ended };
}

export const runCli = (
  home: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<CliRun> => startCli(home, args, env).ended;
