import { describe, expect, it } from 'vitest';
import type { LoggedEvent, SparkEvent } from '../../../src/events/event.js';
import type { LogPort } from '../../../src/workers/ports.js';
import { loggedIn } from '../loggedIn.js';
import { command, completed } from '../story.js';

const eventsOf = (count: number, sessionId: string): SparkEvent[] =>
  Array.from({ length: count }, () => completed(command({ sessionId })));

/** What any log of events must do. `freshPartition` is one that nobody has used. */
export function logSuite(what: string, open: () => { log: LogPort; freshPartition: () => number }): void {
  const replay = async (log: LogPort, partition: number): Promise<LoggedEvent[]> => {
    return (await loggedIn(log)).filter((logged) => logged.partition === partition);
  };

  describe(`the log (${what})`, () => {
    it('brings back what was appended, in call order, with places that grow', async () => {
      const { log, freshPartition } = open();
      const partition = freshPartition();
      const mine = await log.claim(partition);
      const appends = [eventsOf(2, 'a'), eventsOf(1, 'b'), eventsOf(3, 'c')];
      await Promise.all(appends.map((events) => mine.append(events)));
      const logged = await replay(log, partition);
      expect(logged.map(({ event }) => event)).toEqual(appends.flat());
      const seqs = logged.map(({ seq }) => seq);
      expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
      await mine.close();
    });

    it('gives each claim a higher epoch', async () => {
      const { log, freshPartition } = open();
      const partition = freshPartition();
      const epochs = [];
      for (let n = 0; n < 3; n++) epochs.push((await log.claim(partition)).epoch);
      expect(epochs).toEqual([...new Set(epochs)].sort((a, b) => a - b));
    });

    it('refuses an append of an earlier owner, once and for ever, and stores nothing of it', async () => {
      const { log, freshPartition } = open();
      const partition = freshPartition();
      const zombie = await log.claim(partition);
      const kept = eventsOf(1, 'before');
      await zombie.append(kept);
      const owner = await log.claim(partition);
      await expect(zombie.append(eventsOf(1, 'zombie'))).rejects.toMatchObject({ code: 'fenced' });
      await expect(zombie.append(eventsOf(1, 'zombie'))).rejects.toMatchObject({ code: 'fenced' });
      const later = eventsOf(1, 'after');
      await owner.append(later);
      expect((await replay(log, partition)).map(({ event }) => event)).toEqual([...kept, ...later]);
    });

    it('keeps partitions apart', async () => {
      const { log, freshPartition } = open();
      const [left, right] = [freshPartition(), freshPartition()];
      const owner = await log.claim(left);
      await log.claim(right);
      await owner.append(eventsOf(1, 'left'));
      expect([await replay(log, left), await replay(log, right)].map(({ length }) => length)).toEqual([1, 0]);
    });

    it('closed, takes nothing more', async () => {
      const { log, freshPartition } = open();
      const mine = await log.claim(freshPartition());
      await mine.close();
      await mine.close();
      await expect(mine.append(eventsOf(1, 'late'))).rejects.toMatchObject({ code: 'log_closed' });
    });
  });
}
