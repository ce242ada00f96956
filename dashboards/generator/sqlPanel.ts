import { readdirSync, readFileSync } from 'node:fs';

/** What the comment block of one `dashboards/sql/<name>.sql` says, and the statement below it. */
export interface SqlPanel {
  /** File name without its ending. */
  readonly name: string;
  readonly title: string;
  readonly answers: string;
  /** In the order of the result; `meaning` has the unit. */
  readonly columns: readonly { readonly name: string; readonly meaning: string }[];
  readonly window: string;
  /** Tables and views, with their schema. */
  readonly reads: readonly string[];
  readonly fast: string;
  /** One statement, with its semicolon. */
  readonly sql: string;
}

const FOLDER = new URL('../sql/', import.meta.url);

/** Every panel there is, by name. Throws `PanelHeaderError` for a file whose comment block is not complete. */
export function readSqlPanels(): readonly SqlPanel[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => parseSqlPanel(file.slice(0, -4), readFileSync(new URL(file, FOLDER), 'utf8')));
}

/** A panel whose comment block lacks something. */
export class PanelHeaderError extends Error {
  readonly code = 'panel_header';
}

export function parseSqlPanel(name: string, text: string): SqlPanel {
  const lines = text.split('\n');
  const end = lines.findIndex((line) => !line.startsWith('--'));
  const header = lines.slice(0, end).map((line) => line.slice(2));
  const field = (label: string): string => {
    const line = header.find((each) => each.startsWith(` ${label}: `));
    if (line === undefined) throw new PanelHeaderError(`${name}.sql does not say "${label}"`);
    return line.slice(label.length + 3).trim();
  };
  const columns = header.flatMap((line) => {
    const match = /^ {3}(\w+) {2,}(\S.*)$/.exec(line);
    return match ? [{ name: match[1] ?? '', meaning: match[2] ?? '' }] : [];
  });
  const title = header[0]?.trim() ?? '';
  if (title === '' || columns.length === 0)
    throw new PanelHeaderError(`${name}.sql has no title or no columns`);
  return {
    name,
    title,
    answers: field('Answers'),
    columns,
    window: field('Window'),
    reads: field('Reads').split(', '),
    fast: field('Fast because'),
    sql: lines.slice(end).join('\n').trim(),
  };
}
