import type { CommandPosition } from '../../commands/envelope.js';
import { SparkError } from '../../core/errors.js';
import type { FinalVerdict } from '../lanes/task.js';

type FailedVerdict = Extract<FinalVerdict, { kind: 'failed' }>;

/** Another partition has started a command of the same key before: ours is refused, as any second use of a key is. */
export class KeyTakenError extends SparkError {
  readonly code = 'key_taken';
}

export const KEY_TAKEN = 'another editor of this session was sent a command of the same key first';

export const keyTakenVerdict = ({ code, message }: KeyTakenError): FailedVerdict => ({
  kind: 'failed',
  outcome: 'rejected',
  error: { code, message },
  keyTaken: true,
});

/** The first that is said of a command. */
interface First {
  readonly commandId: string;
  readonly position: CommandPosition;
}

interface Start {
  readonly position: CommandPosition;
  /** Resolves when the append has been answered, one way or another. */
  readonly answered: Promise<unknown>;
  /** Of its message in the log; undefined while it is on its way. */
  place: number | undefined;
  lost: boolean;
}

/**
 * A key's scope is its session, and a session may name one key for editors of two partitions, whose owners know nothing of each other in
 * that moment. The log is one order for all partitions: whoever's `started` stands first holds the key. So an owner stores its own, waits
 * until it has read everything before it, and only then calls anybody.
 */
export class KeyRace {
  readonly #starts = new Map<string, Start>();

  /** Our own `started`, handed to the log, which answers with its place. */
  async begin(commandId: string, position: CommandPosition, append: () => Promise<number>): Promise<number> {
    const stored = append();
    const answered = stored.catch(() => undefined);
    const start: Start = { position, answered, place: undefined, lost: false };
    this.#starts.set(commandId, start);
    start.place = await stored;
    return start.place;
  }

  /** What to wait for before somebody else's `started` can be judged: our own has no place yet. */
  undecided(event: First): Promise<unknown> | undefined {
    const start = this.#rival(event);
    return start && start.place === undefined ? start.answered : undefined;
  }

  /** Somebody else's beginning: true when ours stands behind it. */
  overtakes(event: First, place: number): boolean {
    const start = this.#rival(event);
    if (!start || (start.place !== undefined && start.place < place)) return false;
    start.lost = true;
    return true;
  }

  /** Everything before our own has been read: whether somebody else's stood first. */
  decided(commandId: string): 'ours' | 'taken' {
    const lost = this.#starts.get(commandId)?.lost === true;
    this.#starts.delete(commandId);
    return lost ? 'taken' : 'ours';
  }

  #rival({ commandId, position }: First): Start | undefined {
    const start = this.#starts.get(commandId);
    return start && !samePlace(start.position, position) ? start : undefined;
  }
}

export const samePlace = (
  one: Pick<CommandPosition, 'seq' | 'index'>,
  other: Pick<CommandPosition, 'seq' | 'index'>,
): boolean => one.seq === other.seq && one.index === other.index;
