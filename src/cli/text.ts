import { styleText } from 'node:util';
import type { CliHost } from './host.js';

type Color = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold';

/** Colours a text where the host wants colours. */
export function paint(host: Pick<CliHost, 'color'>, color: Color, text: string): string {
  return host.color ? styleText(color, text, { validateStream: false }) : text;
}

/** Everything a terminal might obey rather than show: controls, bidi overrides, zero-width characters. Tab and newline stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not reach the terminal
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/** Text from a server or from Unity, safe to print: it is data, and must not move the cursor or reorder what is read. */
export function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.replace(UNSAFE, '\ufffd');
}

/** Rows as aligned columns, two spaces between, header first. Cells are made printable. */
export function table(header: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const cells = [header, ...rows.map((row) => row.map((cell) => (cell == null ? '-' : printable(cell))))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const lines = cells.map((row) =>
    widths
      .map((width, column) => (row[column] ?? '').padEnd(width))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** A duration for people: `850 ms`, `3.2 s`, `2 min 5 s`. */
export function durationText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}

/** A command's state in its colour. */
export function stateText(host: Pick<CliHost, 'color'>, state: string): string {
  if (state === 'completed' || state === 'applied') return paint(host, 'green', state);
  if (state === 'accepted' || state === 'started') return paint(host, 'cyan', state);
  if (state === 'conflict' || state === 'undone' || state === 'cancelled')
    return paint(host, 'yellow', state);
  return paint(host, 'red', state);
}

/** A unified diff with its added and removed lines coloured. */
export function diffText(host: Pick<CliHost, 'color'>, diff: string): string {
  return printable(diff)
    .split('\n')
    .map((line) => {
      if (line.startsWith('+')) return paint(host, 'green', line);
      if (line.startsWith('-')) return paint(host, 'red', line);
      return line.startsWith('@@') ? paint(host, 'cyan', line) : line;
    })
    .join('\n');
}
