import { STREAMS } from '../src/streams/topology.js';
import { memoryFenceStore } from '../src/unity/fenceStore.js';
import type { FaultPoint } from '../src/workers/execute/executeContext.js';
import { CommandStream } from './bus/commandStream.js';
import { entryOfStored, partitionOfLogSubject } from './bus/logPort.js';
import { CancelBoard } from './bus/stores.js';
import { Stream } from './bus/stream.js';
import { History, placeOf } from './checker/history.js';
import { EDITORS, PARTITIONS } from './editors.js';
import type { Kernel } from './kernel/kernel.js';
import { Network } from './kernel/network.js';
import { EPOCH_MS, Process } from './kernel/process.js';
import { Database } from './projector/database.js';
import { ProjectorProcess } from './projector/projectorProcess.js';
import { Editor, type Effect } from './unity/editor.js';
import { GateServer } from './unity/gateServer.js';
import { WorkerProcess } from './workers/workerProcess.js';

const ACK_WAIT_MS = 30_000;
const DUPLICATE_WINDOW_MS = 2_000;

/** Everything that outlives a process: streams, images, editors, the fence's disk, the database; and the processes of a seed. */
export class World {
  readonly kernel: Kernel;
  readonly network: Network;
  readonly log: Stream;
  readonly streams: ReadonlyMap<string, Stream>;
  readonly commands: CommandStream;
  readonly images = new Map<string, Uint8Array>();
  readonly cancels = new CancelBoard();
  readonly effects: Effect[] = [];
  readonly editors: ReadonlyMap<string, Editor>;
  readonly database = new Database();
  readonly history = new History();
  /** Who shall own which partition. */
  readonly wishes = new Map<number, WorkerProcess | undefined>();
  readonly workers: WorkerProcess[] = [];
  readonly projectors: ProjectorProcess[] = [];
  /** What happens when a worker comes to a named point of the code. */
  onFaultPoint: ((process: Process, name: FaultPoint) => void) | undefined;
  gate: GateServer | undefined;
  /** Clients that have not heard of their publish yet. */
  sending = 0;
  readonly #fenceStore = memoryFenceStore();
  #processes = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
    this.network = new Network(kernel);
    const now = (): number => EPOCH_MS + kernel.nowMs;
    const names = [STREAMS.log, STREAMS.parked, STREAMS.deadLetters];
    this.streams = new Map(names.map((name) => [name, new Stream(name, now, DUPLICATE_WINDOW_MS)]));
    this.log = this.stream(STREAMS.log);
    this.commands = new CommandStream(kernel, this.network, {
      partitions: PARTITIONS,
      duplicateWindowMs: DUPLICATE_WINDOW_MS,
      ackWaitMs: ACK_WAIT_MS,
    });
    this.editors = new Map(EDITORS.map((name) => [name, new Editor(name, kernel, this.effects)]));
    this.history.effects = this.effects;
    this.#observe();
    this.startGate();
  }

  trace(process: Process, what: string, detail: string | number = ''): void {
    this.kernel.trace.add(this.kernel.nowMs, process.name, what, detail);
  }

  atFaultPoint(process: Process, name: FaultPoint): void {
    this.onFaultPoint?.(process, name);
  }

  stream(name: string): Stream {
    const stream = this.streams.get(name);
    if (!stream) throw new Error(`no stream ${name}`);
    return stream;
  }

  startWorker(): WorkerProcess {
    const worker = new WorkerProcess(this.#process('worker'), this);
    this.workers.push(worker);
    return worker;
  }

  startProjector(): ProjectorProcess {
    const projector = new ProjectorProcess(this.#process('projector'), this);
    this.projectors.push(projector);
    return projector;
  }

  startGate(): void {
    const again = this.#processes > 0;
    this.gate = new GateServer(this.#process('gate'), this.#fenceStore, this.editors, again);
  }

  killGate(): void {
    this.gate?.process.kill();
    this.gate = undefined;
  }

  #process(kind: string): Process {
    this.#processes++;
    const process = new Process(`${kind}-${this.#processes}`, this.kernel);
    return process;
  }

  /** The checker looks on: what is stored where, as it is stored. */
  #observe(): void {
    const { history, commands, kernel } = this;
    commands.onStored(({ seq, subject, items }) => {
      for (const item of items) history.stored(item);
      kernel.trace.add(kernel.nowMs, 'commands', 'stores', `${seq} ${subject}`);
    });
    this.log.onStored((message) => {
      const { seq, subject } = message;
      const { events } = entryOfStored(message);
      history.appended({ seq, partition: partitionOfLogSubject(subject), events });
      const told = events.map(({ event }) => `${event.type} ${event.commandId.slice(0, 8)}`).join(', ');
      kernel.trace.add(kernel.nowMs, 'log', subject, `${seq} ${told || 'claim'}`);
    });
    this.stream(STREAMS.deadLetters).onStored(({ data }) => {
      const letter = JSON.parse(Buffer.from(data).toString()) as { stream: { seq: number; index: number } };
      history.buried(placeOf(letter.stream));
    });
  }
}
