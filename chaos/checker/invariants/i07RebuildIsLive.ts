import type { Invariant } from '../violation.js';
import { dumpDifferences, failedRebuild, rowsOf } from './dumpDifferences.js';

/** I7: the live database, rebuilt in place by the product, holds what it held before. */
export const rebuildIsLive: Invariant = {
  id: 'I7',
  title: 'a rebuild gives what is live',
  check({ models }) {
    if (models.rebuildError !== undefined)
      return { checked: 0, violations: failedRebuild('I7', models.rebuildError) };
    if (!models.rebuilt) return { checked: 0, violations: [], notes: ['the live database was not rebuilt'] };
    const live = { name: 'the live database', tables: models.primary };
    return {
      checked: rowsOf(models.rebuilt),
      violations: dumpDifferences('I7', live, { name: 'its rebuild', tables: models.rebuilt }),
    };
  },
};
