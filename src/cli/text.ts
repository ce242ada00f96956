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

/** A moment for people: in their own time zone, and how long ago it was; `-` for none. What is no time is shown as it is. */
export function timeText(iso: string | null | undefined, nowMs: number): string {
  if (iso === null || iso === undefined) return '-';
  const atMs = Date.parse(iso);
  if (Number.isNaN(atMs)) return printable(iso);
  const date = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time} (${ageText(nowMs - atMs)})`;
}

function ageText(ms: number): string {
  // A second or two ahead is another machine's clock.
  if (ms < 1_000) return ms < -2_000 ? `in ${spanText(-ms)}` : 'just now';
  return `${spanText(ms)} ago`;
}

function spanText(ms: number): string {
  for (const [unitMs, unit] of SPANS) if (ms >= unitMs) return `${Math.floor(ms / unitMs)} ${unit}`;
  return '0 s';
}

const SPANS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** A size for people: `512 B`, `12.3 KB`, `50 MB`; KB means 1,024 bytes. */
export function sizeText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  const [amount, unit] = bytes < 1_048_576 ? [bytes / 1_024, 'KB'] : [bytes / 1_048_576, 'MB'];
  return `${Number(amount.toFixed(1))} ${unit}`;
}
