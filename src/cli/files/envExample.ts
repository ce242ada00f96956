/** One environment variable as src/config.ts describes it. `default` is shown as it would be typed; undefined: there is none. */
export interface DescribedVariable {
  readonly name: string;
  readonly doc: string;
  readonly unit?: string | undefined;
  readonly default?: string | number | boolean | undefined;
}

const WIDTH = 110;

/** `.env.example`: every variable, commented out, with what it means, its unit and its default. */
export function renderEnvExample(fields: readonly DescribedVariable[]): string {
  const head = [
    '# Every setting of SPARK, made by `npm run generate` from src/config.ts; changes here are lost.',
    '# All are optional: without any, `npm start` brings its own NATS, Postgres and Unity simulator.',
    '# A secret may also come from a file: NAME_FILE holds its path.',
  ];
  return `${[...head, ...fields.flatMap(linesOf)].join('\n')}\n`;
}

function linesOf(field: DescribedVariable): string[] {
  const unit = field.unit === undefined ? '' : ` (${field.unit})`;
  return ['', ...wrap(`${field.doc}${unit}`), `#${field.name}=${field.default ?? ''}`];
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(/\s+/)) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
