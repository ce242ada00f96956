import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of this benchmark, told its order as its argument; ends with the one that made it. */
export function startChild(file: string, order: object): ChildProcess {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const child = fork(path, [JSON.stringify(order)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

/** The next message of the child that `isIt` takes; throws when the child ends first. */
export async function told<T>(child: ChildProcess, isIt: (message: unknown) => message is T): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void): void => {
      child.off('message', onMessage);
      child.off('exit', onExit);
      done();
    };
    const onMessage = (message: unknown): void => {
      if (isIt(message)) settle(() => resolve(message));
    };
    const onExit = (code: number | null): void =>
      settle(() =>
        reject(new Error(`${child.spawnargs[1] ?? 'a child'} ended with ${code} before its answer`)),
      );
    child.on('message', onMessage);
    child.once('exit', onExit);
  });
}

/** Has the child stop by itself (it listens for `stop`), and waits for its end. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.send('stop');
  await ended;
}
