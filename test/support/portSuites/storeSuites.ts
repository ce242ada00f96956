import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../src/core/ids.js';
import type { DeadLetters, ImageStore, Parking } from '../../../src/workers/ports.js';
import { aCommand } from '../commandFixtures.js';

/** What any store of images must do. `stored` counts the messages (or entries) it holds. */
export function imageSuite(
  what: string,
  open: () => { images: ImageStore; stored: () => Promise<number> },
): void {
  const image = (bytes: Uint8Array) => ({ sha256: sha256(bytes), bytes });

  describe(`the image store (${what})`, () => {
    it.each([
      ['an empty file', Buffer.alloc(0)],
      ['a text', Buffer.from('\ufeffclass Ä {}\r\n')],
      ['bytes that shrink', Buffer.alloc(200_000, 'abc')],
      ['bytes that do not shrink', randomBytes(5_000)],
      ['more than one message holds', randomBytes(1_300_000)],
    ])('brings back %s byte for byte', async (_what, bytes) => {
      const { images } = open();
      await images.put([image(bytes)]);
      expect(Buffer.compare(Buffer.from((await images.get(sha256(bytes))) ?? []), bytes)).toBe(0);
    });

    it('knows what it does not have', async () => {
      expect(await open().images.get(sha256(randomBytes(8)))).toBeUndefined();
    });

    it('stores the same content once, whoever brings it and however often', async () => {
      const { images, stored } = open();
      const bytes = randomBytes(100);
      await images.put([image(bytes), image(bytes)]);
      const before = await stored();
      await images.put([image(bytes)]);
      await open().images.put([image(bytes)]);
      expect(await stored()).toBe(before);
      expect(await images.get(sha256(bytes))).toBeDefined();
    });

    it('takes many at once', async () => {
      const { images } = open();
      const many = Array.from({ length: 50 }, () => image(randomBytes(64)));
      await images.put(many);
      for (const { sha256: sha, bytes } of many)
        expect(Buffer.from((await images.get(sha)) ?? [])).toEqual(bytes);
    });
  });
}

/** Whose batches they are, as it comes back with each. */
const OWNER = 7;

/** What any parking must do. */
export function parkingSuite(
  what: string,
  open: () => { parking: Parking; freshEditor: () => string },
): void {
  const commands = (editor: string, ...seqs: number[]) =>
    seqs.map((seq) => aCommand({ seq, editor, key: `k${seq}` }));
  const seqsOf = (batches: Awaited<ReturnType<Parking['read']>>) =>
    batches.map((batch) => batch.commands.map(({ position }) => position.seq));

  describe(`the parking (${what})`, () => {
    it('hands out batches in order, so many at a time, with the commands as they were', async () => {
      const { parking, freshEditor } = open();
      const editor = freshEditor();
      const batches = [commands(editor, 1, 2), commands(editor, 3), commands(editor, 4, 5)];
      const places: number[] = [];
      for (const batch of batches) places.push(await parking.park(editor, batch, OWNER));
      expect(places).toEqual(places.toSorted((a, b) => a - b));
      const first = await parking.read(editor, 0, 2);
      expect(first).toEqual(
        batches.slice(0, 2).map((batch, at) => ({ parkedSeq: places[at], commands: batch, epoch: OWNER })),
      );
      expect(seqsOf(await parking.read(editor, first[1]?.parkedSeq ?? 0, 2))).toEqual([[4, 5]]);
    });

    it('has nothing where nothing is parked, nor after the last', async () => {
      const { parking, freshEditor } = open();
      const editor = freshEditor();
      expect(await parking.read(editor, 0, 4)).toEqual([]);
      const place = await parking.park(editor, commands(editor, 1), OWNER);
      expect(await parking.read(editor, place, 4)).toEqual([]);
    });

    it('keeps editors apart, also where one name begins another', async () => {
      const { parking, freshEditor } = open();
      const editor = freshEditor();
      const longer = `${editor}x`;
      await parking.park(editor, commands(editor, 1), OWNER);
      const last = await parking.park(longer, commands(longer, 2), OWNER);
      expect(seqsOf(await parking.read(editor, 0, 4))).toEqual([[1]]);
      const { upTo, editors } = await parking.look();
      expect([upTo, editors.includes(editor), editors.includes(longer)]).toEqual([last, true, true]);
    });

    it('given a batch again after its release, keeps it where it will be read', async () => {
      const { parking, freshEditor } = open();
      const editor = freshEditor();
      const place = await parking.park(editor, commands(editor, 1, 2), OWNER);
      await parking.release(editor, place);
      expect(await parking.park(editor, commands(editor, 1, 2), OWNER)).toBeGreaterThan(place);
      expect(seqsOf(await parking.read(editor, place, 4))).toEqual([[1, 2]]);
    });

    it('given another batch of that size that begins with the same command, loses none of it', async () => {
      const { parking, freshEditor } = open();
      const editor = freshEditor();
      await parking.park(editor, commands(editor, 5, 6), OWNER);
      await parking.park(editor, commands(editor, 5, 7), OWNER);
      expect(seqsOf(await parking.read(editor, 0, 4))).toEqual([
        [5, 6],
        [5, 7],
      ]);
    });

    it('forgets what is released, and an editor with nothing left', async () => {
      const { parking, freshEditor } = open();
      const editor = freshEditor();
      const first = await parking.park(editor, commands(editor, 1), OWNER);
      const second = await parking.park(editor, commands(editor, 2), OWNER);
      expect((await parking.look()).upTo).toBe(second);
      await parking.release(editor, first);
      expect(seqsOf(await parking.read(editor, 0, 4))).toEqual([[2]]);
      await parking.release(editor, second);
      const { upTo, editors } = await parking.look();
      expect([await parking.read(editor, 0, 4), editors.includes(editor), upTo]).toEqual([[], false, second]);
    });
  });
}

/** What any keeper of dead letters must do. `kept` gives the reasons by place. */
export function deadLetterSuite(
  what: string,
  open: () => { letters: DeadLetters; kept: () => Promise<{ reason: string; seq: number; index: number }[]> },
): void {
  let seq = 1_000;
  const letter = (at: number, index = 0, reason = 'malformed_json') => ({
    reason,
    attempts: 0,
    lastError: 'no',
    original: { subject: 'spark.commands.x', headers: {}, data: Buffer.from('{') },
    commandId: null,
    sessionId: null,
    editor: null,
    position: { partition: 0, seq: at, index, count: 2 },
  });

  describe(`dead letters (${what})`, () => {
    it('are kept once for each place, and each for itself', async () => {
      const { letters, kept } = open();
      const at = ++seq;
      for (const index of [0, 1, 0]) await letters.append(letter(at, index));
      expect((await kept()).filter((found) => found.seq === at)).toEqual([
        { reason: 'malformed_json', seq: at, index: 0 },
        { reason: 'malformed_json', seq: at, index: 1 },
      ]);
    });
  });
}
