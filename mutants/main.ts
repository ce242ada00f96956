import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTANTS } from './catalogue.js';
import { hunt, isAsItShould } from './hunt.js';
import { lineOf, summaryOf } from './table.js';
import { Workshop } from './workshop.js';

const { values } = parseArgs({
  options: {
    /** How many a mutant may survive. */
    seeds: { type: 'string', default: '5000' },
    seed: { type: 'string', default: '1' },
    /** Names, comma-separated; all when absent. */
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

const root = join(import.meta.dirname, '..', '..');
const wanted = values.only?.split(',');
const unknown = wanted?.filter((name) => !MUTANTS.some((mutant) => mutant.name === name)) ?? [];
if (unknown.length > 0) throw new Error(`no such mutant: ${unknown.join(', ')}`);
const mutants = MUTANTS.filter(({ name }) => wanted?.includes(name) ?? true);

const workshop = new Workshop(root, join(root, 'dist', 'mutants-work'));
workshop.open();
const options = { firstSeed: Number(values.seed), seeds: Number(values.seeds) };
const rows = await hunt(mutants, workshop, options, (row) => {
  if (!values.json) console.log(lineOf(row));
});
console.log(values.json ? JSON.stringify(rows, null, 2) : summaryOf(rows, mutants.length));
// Where the code as it is fails, no mutant has been tried.
process.exitCode = rows.every(isAsItShould) ? 0 : 1;
