import type { Command } from '../../commands/envelope.js';
import type { Parking } from '../ports.js';

/** The parking as one owner uses it. */
export interface LaneParking extends Pick<Parking, 'read' | 'release'> {
  park(editor: string, commands: readonly Command[]): Promise<number>;
}

/** Every batch that is stored says whose it is. */
export const markedParking = (parking: Parking, epoch: number): LaneParking => ({
  park: (editor, commands) => parking.park(editor, commands, epoch),
  read: (editor, afterSeq, maxBatches) => parking.read(editor, afterSeq, maxBatches),
  release: (editor, seq) => parking.release(editor, seq),
});
