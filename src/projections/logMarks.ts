/** Marks kept at most; beyond it the older half is thinned out: ages told from it are then a little too high, never too low. */
const MARKS_MAX = 1_000;

interface Mark {
  readonly seq: number;
  /** The last moment at which this was known to be the end. */
  atMs: number;
}

/**
 * Where an end was seen, and when: by that the age of a server that follows it can be told without asking any clock but ours. Pure
 * bookkeeping; times are of one clock, in ms.
 */
export class LogMarks {
  #marks: Mark[] = [];

  /** The end is at `seq` at this moment. One that lies before the newest mark is an old word and says nothing. */
  see(seq: number, atMs: number): void {
    const newest = this.#marks.at(-1);
    if (newest !== undefined && seq < newest.seq) return;
    if (newest?.seq === seq) newest.atMs = Math.max(newest.atMs, atMs);
    else this.#marks.push({ seq, atMs });
    if (this.#marks.length > MARKS_MAX) this.#thin();
  }

  /** The newest end that is known; 0 before the first. */
  get endSeq(): number {
    return this.#marks.at(-1)?.seq ?? 0;
  }

  /**
   * How long what lies behind `appliedSeq` has been missing at most: 0 when nothing is, else the time since the end was last seen at or
   * before it. Of what was there before the first mark, the age of that mark: more is not known.
   */
  behindMs(appliedSeq: number, nowMs: number): number {
    if (appliedSeq >= this.endSeq) return 0;
    const reached = this.#marks.findLast(({ seq }) => seq <= appliedSeq) ?? this.#marks[0];
    return reached === undefined ? 0 : Math.max(0, nowMs - reached.atMs);
  }

  /** Nobody will ask about less than `seq` any more. */
  forgetBefore(seq: number): void {
    const first = this.#marks.findLastIndex((mark) => mark.seq <= seq);
    if (first > 0) this.#marks.splice(0, first);
  }

  #thin(): void {
    this.#marks = this.#marks.filter((_, at) => at % 2 === 0 || at >= MARKS_MAX / 2);
  }
}
