import type { Command } from '../../commands/envelope.js';
import type { ParkedBy, Parking } from '../ports.js';

/** The parking as one owner uses it. */
export interface LaneParking extends Pick<Parking, 'read' | 'release'> {
  park(editor: string, commands: readonly Command[]): Promise<number>;
}

/** Every batch that is stored carries the owner's mark. */
export const markedParking = (parking: Parking, by: ParkedBy): LaneParking => ({
  park: (editor, commands) => parking.park(editor, commands, by),
  read: (editor, afterSeq, maxBatches) => parking.read(editor, afterSeq, maxBatches),
  release: (editor, seq) => parking.release(editor, seq),
});
