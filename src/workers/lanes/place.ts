import type { CommandPosition } from '../../commands/envelope.js';

/** Where a command lies in the command stream: the order in which the commands of a session are executed. */
export type Place = Pick<CommandPosition, 'stream' | 'seq' | 'index'>;

/** False too for places of two command streams: one made anew counts from 1 again. */
export const isBefore = (left: Place, right: Place): boolean =>
  isOneStream(left, right) && (left.seq < right.seq || (left.seq === right.seq && left.index < right.index));

/** Commands of earlier builds do not say which stream they are of. */
const isOneStream = (left: Place, right: Place): boolean =>
  left.stream === undefined || right.stream === undefined || left.stream === right.stream;
