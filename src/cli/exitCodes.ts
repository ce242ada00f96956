/** What a shell script can rely on; `spark --help` lists them. */
export const EXIT = {
  ok: 0,
  /** The command, a check or the request failed. */
  failed: 1,
  /** Wrong arguments. */
  usage: 2,
  /** No SPARK answered. */
  unreachable: 3,
  /** Still not done when the time was up; the command goes on. */
  timeout: 4,
  /** Somebody else's change, another payload under the same key, or a home in use. */
  conflict: 5,
  /** Ended by Ctrl-C before the answer was there. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
