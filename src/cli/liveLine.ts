import { every } from '../core/clock.js';
import type { CliHost } from './host.js';
import { durationText, paint } from './text.js';

const REDRAW_MS = 200;

/** One line that says what is being waited for. */
export interface LiveLine {
  /** What is happening now; a repeat of the same text is not printed again. */
  show(text: string): void;
  /** Takes the line away. Idempotent. */
  stop(): void;
}

/** On a terminal a line redrawn in place with the time passed; elsewhere (and with --json) plain lines, one a change. */
export function liveLine(host: CliHost, quiet: boolean): LiveLine {
  const startedMs = host.clock.monotonicMs();
  let shown = '';
  const elapsed = (): string => durationText(host.clock.monotonicMs() - startedMs);
  if (!host.terminal) {
    return {
      show: (text) => {
        if (text !== shown && !quiet) host.err(`${text}  +${elapsed()}\n`);
        shown = text;
      },
      stop: () => undefined,
    };
  }
  const draw = (): void => {
    if (shown !== '') host.err(`\r\u001b[2K${shown}  ${paint(host, 'dim', elapsed())}`);
  };
  const stopDrawing = every(REDRAW_MS, draw, () => undefined);
  return {
    show: (text) => {
      shown = text;
      draw();
    },
    stop: () => {
      stopDrawing();
      if (shown !== '') host.err('\r\u001b[2K');
      shown = '';
    },
  };
}
