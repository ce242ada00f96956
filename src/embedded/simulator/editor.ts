/**
 * One Unity Editor: a main thread that runs one command at a time, a connection that is there or away, and memory
 * (jobs, console, active scene) that a domain reload wipes.
 */
import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';

export interface BuildJob {
  readonly id: string;
  readonly platform: string;
  readonly outputPath: string;
  readonly startedAt: Date;
  state: 'building' | 'succeeded' | 'failed' | 'cancelled';
  completedAt?: Date;
  sizeBytes: number;
  error?: string;
}

export interface TestJob {
  readonly id: string;
  readonly mode: string;
  readonly startedAt: Date;
  finishedAt?: Date;
}

export interface ConsoleEntry {
  readonly type: 'error' | 'warning' | 'log';
  readonly message: string;
  readonly at: string;
}

/** What a domain reload forgets. */
export interface EditorMemory {
  readonly builds: Map<string, BuildJob>;
  readonly tests: Map<string, TestJob>;
  lastBuild?: BuildJob;
  /** Aborted when the editor dies, so that work it had under way never finishes. */
  readonly life: AbortController;
}

/** How a queued command ended: it ran, or the editor went away before it could. */
export type Ran<T> = { readonly kind: 'ran'; readonly value: T } | { readonly kind: 'dropped' };

const CONSOLE_MAX_ENTRIES = 1000;
const BUILDS_KEPT_MAX = 200;

/** A command's turn on the main thread; a command that waits must look again before it changes anything. */
export interface Turn {
  readonly dropped: boolean;
}

interface Waiting {
  readonly run: () => void;
  readonly drop: () => void;
}

export class Editor {
  readonly name: string;
  readonly hash: string;
  /** `Name@hash`, as Unity's server names instances. */
  readonly instance: string;
  /** The project folder, absolute. */
  readonly root: string;
  readonly assetsRoot: string;
  readonly console: ConsoleEntry[] = [];
  /** A new one at each registration with the server. */
  unitySessionId: string = randomUUID();
  connectedAt: Date;
  activeScene = 'Assets/Scenes/SampleScene.unity';
  memory: EditorMemory = freshMemory();
  private awayTimer: NodeJS.Timeout | undefined;
  private backAtMs = 0;
  private running: Waiting | undefined;
  private readonly queue: Waiting[] = [];
  private readonly returnWaiters = new Set<() => void>();
  private readonly now: () => Date;

  constructor(name: string, root: string, now: () => Date) {
    this.name = name;
    this.root = root;
    this.assetsRoot = join(root, 'Assets');
    this.hash = createHash('sha1').update(this.assetsRoot).digest('hex').slice(0, 16);
    this.instance = `${name}@${this.hash}`;
    this.now = now;
    this.connectedAt = now();
  }

  get away(): boolean {
    return this.awayTimer !== undefined;
  }

  log(type: ConsoleEntry['type'], message: string): void {
    this.console.push({ type, message, at: this.now().toISOString() });
    if (this.console.length > CONSOLE_MAX_ENTRIES) this.console.shift();
  }

  rememberBuild(job: BuildJob): void {
    this.memory.builds.set(job.id, job);
    this.memory.lastBuild = job;
    const oldest = this.memory.builds.keys().next().value;
    if (this.memory.builds.size > BUILDS_KEPT_MAX && oldest !== undefined) this.memory.builds.delete(oldest);
  }

  /**
   * Runs a command when its turn comes. A command whose caller has given up is not taken out: Unity runs it all the
   * same (ghost execution). Only the editor's own going away drops it.
   */
  enqueue<T>(command: (turn: Turn) => T | Promise<T>): Promise<Ran<T>> {
    return new Promise((resolve, reject) => {
      const turn = { dropped: false };
      const waiting: Waiting = {
        run: () => {
          settle(command, turn)
            .then((value) => resolve({ kind: 'ran', value }), reject)
            .finally(() => this.next(waiting));
        },
        drop: () => {
          turn.dropped = true;
          resolve({ kind: 'dropped' });
        },
      };
      if (this.away) waiting.drop();
      else if (this.running === undefined) this.start(waiting);
      else this.queue.push(waiting);
    });
  }

  private start(waiting: Waiting): void {
    this.running = waiting;
    waiting.run();
  }

  private next(done: Waiting): void {
    if (this.running !== done) return;
    this.running = undefined;
    const following = this.queue.shift();
    if (following !== undefined) this.start(following);
  }

  /**
   * The domain reloads, or (`dies`) the whole editor goes down: away for `ms`, every queued or running command is
   * dropped, memory is wiped. A later end wins when it is away already.
   */
  goAway(ms: number, dies: boolean): void {
    const backAtMs = performance.now() + ms;
    if (this.away && backAtMs < this.backAtMs) return;
    clearTimeout(this.awayTimer);
    this.backAtMs = backAtMs;
    this.awayTimer = setTimeout(() => this.comeBack(), ms);
    const dropped = this.running === undefined ? this.queue : [this.running, ...this.queue];
    const all = [...dropped];
    this.running = undefined;
    this.queue.length = 0;
    if (dies) {
      this.memory.life.abort();
      this.console.length = 0;
      this.memory = freshMemory();
    } else {
      this.memory = { ...freshMemory(), life: this.memory.life };
    }
    for (const waiting of all) waiting.drop();
  }

  private comeBack(): void {
    this.awayTimer = undefined;
    this.unitySessionId = randomUUID();
    this.connectedAt = this.now();
    for (const waiter of [...this.returnWaiters]) waiter();
  }

  /** Waits until the editor is there, at most `ms`; true if it is. */
  async whenBack(ms: number): Promise<boolean> {
    if (!this.away) return true;
    return new Promise((resolve) => {
      const finish = (back: boolean): void => {
        clearTimeout(timer);
        this.returnWaiters.delete(onBack);
        resolve(back);
      };
      const onBack = (): void => finish(true);
      const timer = setTimeout(() => finish(false), ms);
      this.returnWaiters.add(onBack);
    });
  }

  /** Ends for good: nothing under way is finished, nobody waits any longer. */
  stop(): void {
    this.goAway(0, true);
    clearTimeout(this.awayTimer);
    this.comeBack();
  }
}

async function settle<T>(command: (turn: Turn) => T | Promise<T>, turn: Turn): Promise<T> {
  return command(turn);
}

function freshMemory(): EditorMemory {
  return { builds: new Map(), tests: new Map(), life: new AbortController() };
}
