/** What a worker says of itself about every second: that it lives, and what it holds. */
export interface Member {
  readonly workerId: string;
  /** Which gate it calls editors through: workers share editors only through one and the same. */
  readonly gate: string;
  /** The place of its first word on the board: who came first. Null in that first word. */
  readonly born: number | null;
  /** It knows the log and stays: partitions may be given to it. */
  readonly ready: boolean;
  /** The partitions it has claimed and not released, each with the epoch of its claim. */
  readonly owned: Readonly<Record<string, number>>;
}

/** Where workers of one pipeline see each other. Nothing that is decided by it has to be true: the log and the gate fence. */
export interface FleetBoard {
  /** Says one's own word; resolves with its place once it is stored, rejects when the board cannot be reached. */
  say(member: Member): Promise<number>;
  /** Takes one's word away. */
  remove(workerId: string): Promise<void>;
  /** Tells every word that stands there, oldest first, then each as it comes (undefined: taken away), until the abort. */
  watch(onWord: OnWord, signal: AbortSignal): void;
  /** Asks whether it lives: `gone` when nobody is connected under that name. */
  ping(workerId: string): Promise<'lives' | 'silent' | 'gone'>;
  /** Answers such questions until the returned stop is called. */
  answerPings(workerId: string): () => void;
}

export type OnWord = (workerId: string, member: Member | undefined) => void;
