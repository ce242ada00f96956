import { parseArgs } from 'node:util';
import { runMany } from './runMany.js';
import { replay } from './replay.js';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    replay: { type: 'string' },
  },
});

process.exitCode =
  values.replay === undefined
    ? await runMany({ seeds: Number(values.seeds), firstSeed: Number(values.seed), json: values.json })
    : await replay(Number(values.replay));
