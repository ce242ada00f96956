import { aCommand, inbound } from '../support/commandFixtures.js';
import {
  MemoryImageStore,
  MemoryInbox,
  MemoryLetters,
  MemoryParking,
  MemoryPartitionLogs,
} from '../support/memoryStreams.js';
import { MemoryUploads } from '../support/memoryUploads.js';
import { inboxSuite } from '../support/portSuites/inboxSuite.js';
import { logSuite } from '../support/portSuites/logSuite.js';
import { deadLetterSuite, imageSuite, parkingSuite } from '../support/portSuites/storeSuites.js';
import { uploadSuite } from '../support/portSuites/uploadSuite.js';

// The fakes that the unit tests of the worker stand on keep the same promises as JetStream (streams.int.test.ts).
const log = new MemoryPartitionLogs();
let partition = 0;
logSuite('in memory', () => ({ log, freshPartition: () => ++partition }));

const images = new MemoryImageStore();
imageSuite('in memory', () => ({ images, stored: async () => images.bytes.size }));

const parking = new MemoryParking();
let editor = 0;
parkingSuite('in memory', () => ({ parking, freshEditor: () => `editor-${++editor}-` }));

const letters = new MemoryLetters();
deadLetterSuite('in memory', () => ({
  letters,
  kept: async () => letters.letters.map(({ reason, position: { seq, index } }) => ({ reason, seq, index })),
}));

const uploads = new MemoryUploads();
uploadSuite('in memory', () => ({ store: uploads, uploads }));

inboxSuite('in memory', async () => {
  const inbox = new MemoryInbox();
  const publish = async (count: number) =>
    Array.from({ length: count }, () => inbox.publish(0, (seq) => [inbound(aCommand({ seq }))]));
  return { inbox, partition: 0, publish };
});
