import { CALLING } from './broken/calling.js';
import { DELIVERY } from './broken/delivery.js';
import { READ_MODELS } from './broken/readModels.js';
import { STORING } from './broken/storing.js';
import { UNDOING } from './broken/undoing.js';
import type { Mutant } from './mutant.js';

/** In the order of a command's way. */
export const MUTANTS: readonly Mutant[] = [...DELIVERY, ...CALLING, ...STORING, ...UNDOING, ...READ_MODELS];
