import type { Command } from '../../src/commands/envelope.js';
import type { SparkEvent, StartedEvent } from '../../src/events/event.js';
import type { BuildProgress } from '../../src/workers/buildPort.js';
import { BuildJobs } from '../../src/workers/builds/buildJobs.js';
import { execute } from '../../src/workers/execute/execute.js';
import type { ExecuteContext } from '../../src/workers/execute/executeContext.js';
import { PreviewCache } from '../../src/workers/execute/previewCache.js';
import { newTask, type Task, type Verdict } from '../../src/workers/lanes/task.js';
import { completedEvent, failedEvent, startedEvent } from '../../src/workers/ledger/recorder.js';
import { UndoLog } from '../../src/workers/undo/undoLog.js';
import type { UnitProgress } from '../../src/workers/unitProgressPort.js';
import { AutoClock } from './autoClock.js';
import { MemoryGate } from './memoryGate.js';
import { MemoryImageStore } from './memoryStreams.js';
import { MemoryUploads } from './memoryUploads.js';

type Final = Extract<Verdict, { kind: 'completed' | 'failed' }>;

/** What executing a command needs, in memory, without a lane: a test plays the lane. */
export class ExecuteRig {
  readonly clock = new AutoClock();
  readonly gate = new MemoryGate();
  readonly images = new MemoryImageStore();
  readonly uploads = new MemoryUploads();
  readonly undoLog = new UndoLog();
  readonly jobs = new BuildJobs();
  readonly ticks: BuildProgress[] = [];
  readonly started: StartedEvent[] = [];
  readonly frames: object[] = [];
  readonly retries: string[] = [];
  readonly previewSources: string[] = [];
  readonly previews = new PreviewCache(this.clock, (source) => this.previewSources.push(source));
  readonly signal = new AbortController().signal;
  readonly unitTicks: UnitProgress[] = [];
  /** What the events are stamped with; a moment where a test asks about time. */
  now = 'now';
  #calls = 0;

  readonly context: ExecuteContext = {
    gate: this.gate,
    images: this.images,
    uploads: this.uploads,
    undoLog: this.undoLog,
    jobs: this.jobs,
    held: () => undefined,
    buildLimits: { timeoutMs: 3_600_000, maxPollMs: 5_000, graceMs: 60_000 },
    callTool: true,
    previews: this.previews,
    live: {
      published: () => undefined,
      progress: (tick) => this.ticks.push(tick),
      unitProgress: (tick) => this.unitTicks.push(tick),
      frame: (frame) => this.frames.push(frame),
    },
    clock: this.clock,
    retry: { maxAttempts: 3, baseMs: 10, maxMs: 100 },
    random: () => 0.5,
    faultPoint: () => undefined,
    exclusive: (_editor, work) => work(),
    busy: () => false,
    reachedOver: () => false,
    beingMoved: () => false,
    nextToken: () => ({ epoch: 1, call: ++this.#calls }),
    retried: (reason) => this.retries.push(reason),
    recorded: async () => undefined,
    level: async () => undefined,
    keyTaken: () => false,
    recordStarted: async (task, intent) => {
      const event = startedEvent(task.command, { epoch: 1, call: this.#calls + 1 }, intent, 'now');
      task.started = event;
      this.started.push(event);
      this.undoLog.apply(event);
      this.jobs.apply(event);
    },
  };

  task(command: Command, started?: StartedEvent): Task {
    return newTask(command, { kind: 'parked', parkedSeq: 0 }, started);
  }

  go(task: Task): Promise<Verdict> {
    // One of its own, as in a lane: whoever waits listens to it.
    return execute(task, this.context, new AbortController().signal);
  }

  /** As a lane would: again after every hold and retry, until the end. */
  async toEnd(task: Task, goes = 20): Promise<Final> {
    for (let go = 0; go < goes; go++) {
      const verdict = await this.go(task);
      if (verdict.kind === 'completed' || verdict.kind === 'failed') return verdict;
    }
    throw new Error(`no end after ${goes} goes`);
  }

  /** Runs a command to its end and into the undo log. */
  async run(command: Command): Promise<Final> {
    const task = this.task(command);
    const verdict = await this.toEnd(task);
    const event: SparkEvent =
      verdict.kind === 'completed'
        ? completedEvent(task, verdict, 1, this.now)
        : failedEvent(task, verdict, 1, this.now);
    this.undoLog.apply(event);
    return verdict;
  }
}
