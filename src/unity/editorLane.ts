import { type AbortWatcher, unwatchAbort, watchAbort } from './abortWatch.js';

/**
 * One thing at a time for one editor: it runs one command at a time itself, and what would queue up inside it could still run
 * after we have given up on it (unity-mcp.md, fact 3). First come, first served.
 */
export class EditorLane {
  /** A call may still be running or queued in the editor: nothing more is sent before it has answered a ping. */
  suspect: boolean;
  /** The Unity instance it reached last: other names may lead to the same one. */
  instance = '';
  private busy = false;
  private readonly waiting: (() => void)[] = [];

  constructor(suspect = false) {
    this.suspect = suspect;
  }

  /** Runs `act` when everything before it has ended. Rejects with the signal's reason when that fires while waiting. */
  async run<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.busy) await this.turn(signal);
    this.busy = true;
    try {
      return await act();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.busy = false;
    }
  }

  /** `busy` stays true from the one that ends to the one that is woken, so nobody slips in between. */
  private turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const watcher: AbortWatcher = {
        onAbort: () => {
          const at = this.waiting.indexOf(wake);
          if (at >= 0) this.waiting.splice(at, 1);
          reject(signal.reason);
        },
      };
      const wake = (): void => {
        unwatchAbort(signal, watcher);
        resolve();
      };
      this.waiting.push(wake);
      watchAbort(signal, watcher);
    });
  }
}
