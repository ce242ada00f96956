/** A change of one place of production code: the text must be there exactly once, or the mutant has rotted. */
export interface Patch {
  /** Under src/, from the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A test that must fail on the mutant: for what the simulation cannot reach. */
export interface NamedTest {
  readonly project: 'unit' | 'integration';
  readonly file: string;
  /** Of the test, or of all those that begin with it. */
  readonly title: string;
}

/** A tempting mistake. Whoever proves the promise must see the difference. */
export interface Mutant {
  readonly name: string;
  /** What goes wrong in the world when it is built like this. */
  readonly why: string;
  readonly patches: readonly Patch[];
  readonly caughtBy: 'simulation' | NamedTest;
}

export type Verdict =
  | { readonly kind: 'passed' }
  /** What was violated, and the seed or the test that showed it. */
  | { readonly kind: 'caught'; readonly seed?: number; readonly violation: string }
  /** It gave no verdict: did not compile, crashed, took too long. That proves nothing. */
  | { readonly kind: 'broke'; readonly output: string };
