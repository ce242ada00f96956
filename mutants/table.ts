import { isAsItShould, type Row } from './hunt.js';

const VIOLATION_CHARS = 90;

/** One line a row: mutant, file, who caught it, seed, seconds, and what was violated. */
export function lineOf(row: Row): string {
  const { mutant, files, by, verdict, seconds } = row;
  const seed = verdict.kind === 'caught' && verdict.seed !== undefined ? `seed ${verdict.seed}` : '';
  const cells = [
    mutant.padEnd(34),
    files
      .map((file) => file.replace(/^src\//, ''))
      .join(' ')
      .padEnd(36),
    by.padEnd(12),
    seed.padEnd(10),
    `${seconds.toFixed(1)} s`.padStart(7),
    wordOf(row),
  ];
  return cells.join('  ').trimEnd();
}

export function summaryOf(rows: readonly Row[], mutants: number): string {
  const caught = rows.filter((row) => row.files.length > 0 && isAsItShould(row)).length;
  const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
  return `${caught} of ${mutants} mutants caught in ${seconds.toFixed(0)} s`;
}

function wordOf(row: Row): string {
  const { verdict } = row;
  if (verdict.kind === 'caught') {
    const { violation } = verdict;
    const short = violation.length > VIOLATION_CHARS ? `${violation.slice(0, VIOLATION_CHARS)}…` : violation;
    return isAsItShould(row) ? short : `FAILS AS IT IS: ${violation}`;
  }
  if (verdict.kind === 'passed') return isAsItShould(row) ? 'passes' : 'SURVIVED';
  return `BROKE:\n${verdict.output.slice(-2_000)}`;
}
