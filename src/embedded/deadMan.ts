/**
 * Orphan protection: a small shell forks a watcher and then becomes the daemon (`exec`), so the daemon is our own
 * child and there is no moment without a watcher. The watcher reads a pipe whose other end only we hold. When we die,
 * even by kill -9, the pipe closes and the watcher stops the daemon; when the daemon ends first, we write one line
 * and the watcher leaves without a signal.
 *
 * The watcher is forked twice, so that the daemon (Postgres minds) is not the parent of a child it does not know. It
 * compares the start time in /proc before each signal: a recycled pid is left alone, and a zombie that nobody reaps
 * (a container without an init) counts as gone.
 */
const SCRIPT = `
started() {
  { read -r line < "/proc/$$/stat"; } 2>/dev/null || return 0
  set -- $line
  [ "$3" = Z ] || printf %s "\${22}"
}
alive() { [ "$(started)" = "$born" ] && kill -0 $$; }
signals=$1; tenths=$2; shift 2
born=$(started)
( (
  trap '' HUP INT TERM QUIT
  read -r word <&3 && exit 0
  for signal in $signals; do
    alive || exit 0
    kill -s "$signal" $$ || exit 0
    i=0
    while [ "$i" -lt "$tenths" ]; do
      sleep 0.1
      alive || exit 0
      i=$((i + 1))
    done
  done
) </dev/null >/dev/null 2>&1 & )
exec 3<&-
exec "$@"
`;

/** The pipe's place among the child's descriptors: `stdio[3]` must be 'pipe'. */
export const DEAD_MAN_FD = 3;
/** What we write into the pipe when the daemon has ended by itself. */
export const DAEMON_ENDED = 'ended\n';

/** Arguments for `/bin/sh` that run `command` under a watcher; `stepMs` passes between two signals. */
export function deadManArguments(
  command: readonly string[],
  signals: readonly string[],
  stepMs: number,
): readonly string[] {
  const names = [...signals, 'SIGKILL'].map((signal) => signal.replace(/^SIG/, '')).join(' ');
  return ['-c', SCRIPT, 'spark-child', names, String(Math.ceil(stepMs / 100)), ...command];
}
