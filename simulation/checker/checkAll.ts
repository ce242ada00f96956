import type { World } from '../world.js';
import { checkpointsGrow, sameAsFold } from './readModels.js';
import {
  effectsPerCommand,
  nothingLost,
  nothingOverwritten,
  oneEndEach,
  orderPerSession,
  tokensGrow,
  wellFormedLog,
} from './stories.js';
import { undoesTheNewest } from './undoOrder.js';

/** Every invariant over the whole seed; what is broken goes to `history.violations`. */
export function checkAll({ history, database }: World): void {
  history.violations.push(
    ...nothingLost(history),
    ...oneEndEach(history),
    ...effectsPerCommand(history),
    ...orderPerSession(history),
    ...wellFormedLog(history),
    ...tokensGrow(history),
    ...nothingOverwritten(history),
    ...undoesTheNewest(history),
    ...sameAsFold(database.models, history.events),
    ...checkpointsGrow(database.checkpoints),
  );
}
