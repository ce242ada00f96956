const COLORS: Readonly<Record<string, number>> = { debug: 90, info: 36, warn: 33, error: 31, fatal: 35 };
const SHOWN_ELSEWHERE = new Set(['level', 'time', 'message', 'service', 'role', 'err']);

/** One JSON log line as a person reads it: time, level, message, then `key=value`. What is no JSON is passed through. */
export function prettyLine(line: string, color: boolean): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const paint = (code: number, text: string) => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const level = String(record['level'] ?? 'info');
  const time = String(record['time'] ?? '').slice(11, 23);
  const fields = Object.entries(record)
    .filter(([key]) => !SHOWN_ELSEWHERE.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? oneLine(value) : JSON.stringify(value)}`);
  const error = record['err'] as { message?: unknown; code?: unknown } | undefined;
  if (error?.message !== undefined) fields.push(`error=${oneLine(String(error.message))}`);
  const head = `${paint(90, time)} ${paint(COLORS[level] ?? 36, level.padEnd(5))} ${oneLine(String(record['message'] ?? ''))}`;
  return `${[head, ...(fields.length > 0 ? [paint(90, fields.join(' '))] : [])].join('  ')}\n`;
}

/** Text from outside must not move the cursor or start a line of its own. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ');
}
