import { parseArgs } from 'node:util';

/** One option of a benchmark: a number with its default, or a switch. */
export interface OptionSpec {
  readonly what: string;
  /** Absent: a switch, off unless named. */
  readonly usual?: number;
  /** The value under `--short`. */
  readonly short?: number;
}

type Parsed<T extends Record<string, OptionSpec>> = {
  readonly [Name in keyof T]: T[Name] extends { usual: number } ? number : boolean;
} & { readonly short: boolean };

/** The options of the command line; prints what there is and exits on `--help`, and on one it does not know. */
export function readOptions<const T extends Record<string, OptionSpec>>(about: string, specs: T): Parsed<T> {
  const all: Record<string, OptionSpec> = {
    ...specs,
    short: { what: 'a small run that judges correctness only: its figures are nothing to quote' },
    help: { what: 'this text' },
  };
  const values = parsed(all);
  if (values === undefined || values['help'] === true) {
    console.log(`${about}\n\n${Object.entries(all).map(lineOf).join('\n')}`);
    process.exit(values === undefined ? 2 : 0);
  }
  const short = values['short'] === true;
  const entries = Object.entries(specs).map(([name, { usual, short: small }]) => {
    if (usual === undefined) return [name, values[name] === true];
    const given = values[name];
    return [name, given === undefined ? (short ? (small ?? usual) : usual) : Number(given)];
  });
  return { ...Object.fromEntries(entries), short } as Parsed<T>;
}

function parsed(specs: Record<string, OptionSpec>): Record<string, string | boolean | undefined> | undefined {
  const options = Object.fromEntries(
    Object.entries(specs).map(([name, { usual }]) => [
      name,
      { type: usual === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  try {
    const { values } = parseArgs({ options, strict: true });
    const wrong = Object.entries(values).find(
      ([, value]) => typeof value === 'string' && !/^\d+$/.test(value),
    );
    if (wrong === undefined) return values as Record<string, string | boolean | undefined>;
    console.error(`--${wrong[0]} takes a whole number, not "${String(wrong[1])}"`);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
  }
  return undefined;
}

function lineOf([name, { what, usual, short }]: [string, OptionSpec]): string {
  const value = usual === undefined ? '' : ' N';
  const small = short === undefined ? '' : `, ${short} with --short`;
  return `  --${name}${value}`.padEnd(22) + (usual === undefined ? what : `${what} (${usual}${small})`);
}
