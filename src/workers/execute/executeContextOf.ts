import { BUILD_LIMITS } from '../builds/decideBuild.js';
import { CancelledError } from '../lanes/cancellation.js';
import { KeyedMutex } from '../lanes/mutex.js';
import type { Task } from '../lanes/task.js';
import { begin, keyTaken } from '../ledger/beginning.js';
import type { Claims } from '../ledger/claims.js';
import type { LogFollower } from '../ledger/logFollower.js';
import type { Intent } from '../ledger/recorder.js';
import type { WorkerState } from '../ledger/workerState.js';
import type { PartitionLog } from '../ports.js';
import type { WorkerDependencies } from '../workerOptions.js';
import type { ExecuteContext } from './executeContext.js';
import { PreviewCache } from './previewCache.js';

interface Ownership {
  readonly deps: WorkerDependencies;
  readonly state: WorkerState;
  readonly follower: Pick<LogFollower, 'alone' | 'level' | 'reached'>;
  readonly logOf: (editor: string) => PartitionLog;
  readonly owns: (editor: string) => boolean;
  readonly claims: Pick<Claims, 'find'>;
}

/** What executing may use, for one ownership: one fence counter for all its calls, one at a time per editor. */
export function executeContextOf({ deps, state, follower, logOf, owns, claims }: Ownership): ExecuteContext {
  const exclusive = new KeyedMutex();
  let calls = 0;
  const recordStarted = async (task: Task, intent: Intent | null): Promise<void> => {
    if (task.cancel) throw new CancelledError();
    const { command } = task;
    const nowMs = deps.clock.nowMs();
    const log = logOf(command.editor);
    await begin(task, { intent, call: ++calls, nowMs }, log, { state, follower });
    deps.listener.startedAfter(command.type, nowMs - Date.parse(command.acceptedAt));
  };
  return {
    gate: deps.gate,
    images: deps.images,
    uploads: deps.uploads,
    services: deps.services,
    presets: deps.presets,
    undoLog: state.undoLog,
    jobs: state.builds,
    held: (commandId) => claims.find(commandId),
    buildLimits: deps.limits.builds ?? BUILD_LIMITS,
    callTool: deps.limits.callTool ?? false,
    live: deps.live,
    // One an ownership: what another owner did to an editor is not known here.
    previews: new PreviewCache(deps.clock, (source) => deps.listener.previewed?.(source)),
    clock: deps.clock,
    retry: deps.limits.retry,
    random: deps.random,
    faultPoint: deps.faultPoint,
    exclusive: (editor, work) => exclusive.run(editor, work),
    busy: (editor) =>
      exclusive.busy(editor) || (!owns(editor) && state.busyBy(editor, (owner) => !owns(owner))),
    beingMoved: (operationIds, commandId) => state.beingMoved(operationIds, commandId),
    reachedOver: (editor) => state.busyBy(editor, (owner) => owner !== editor),
    nextToken: ({ editor }) => ({
      epoch: logOf(editor).epoch,
      call: ++calls,
      partition: deps.partitionOf(editor),
    }),
    level: () => follower.level(),
    keyTaken: (command) => keyTaken(command, { state, follower }, deps.clock.nowMs()),
    retried: deps.listener.retried,
    recorded: async (editor) => {
      // Of an editor that is another worker's nothing of ours is under way, and what is known of it came out of the log.
      if (owns(editor)) await logOf(editor).append([]);
    },
    recordStarted,
  };
}
