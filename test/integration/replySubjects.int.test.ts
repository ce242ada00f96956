import { randomBytes } from 'node:crypto';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pausedEntry, registeredEntry } from '../../src/commands/editorEntry.js';
import { systemClock } from '../../src/core/clock.js';
import { sha256 } from '../../src/core/ids.js';
import type { LoggedEvent, SparkEvent } from '../../src/events/event.js';
import { entryOf } from '../../src/projections/logEntries.js';
import { createCancelSink, watchCancels } from '../../src/streams/cancels.js';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import {
  createDeadLetterActionSource,
  createDeadLetterActions,
} from '../../src/streams/deadLetterActions.js';
import { createDeadLetterSource, createDeadLetters } from '../../src/streams/deadLetters.js';
import { EditorRegistry } from '../../src/streams/editorRegistry.js';
import { LogFeed } from '../../src/streams/feed.js';
import { createFleetBoard } from '../../src/streams/fleetBoard.js';
import { createImageStore } from '../../src/streams/imageStore.js';
import { createLogSource, logFollowing } from '../../src/streams/logReader.js';
import { createParking } from '../../src/streams/parking.js';
import { claimPartition } from '../../src/streams/partitionLog.js';
import type { NatsRole } from '../../src/streams/permissions.js';
import { provision } from '../../src/streams/provision.js';
import { partitionOf } from '../../src/streams/subjects.js';
import { serveSubmit } from '../../src/streams/submitService.js';
import { STREAMS, workerConsumer } from '../../src/streams/topology.js';
import { createWorkerQueries } from '../../src/streams/workerQueries.js';
import {
  onEditorsChanged,
  onReleased,
  tellEditorsChanged,
  tellReleased,
  WorkerAnswering,
} from '../../src/streams/workerRpc.js';
import { aCommand, scriptPayload } from '../support/commandFixtures.js';
import { TEST_TOPOLOGY } from '../support/freshStreams.js';
import { FakeSubmitter } from '../support/httpFakes.js';
import { loggedIn } from '../support/loggedIn.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';
import { command, completed } from '../support/story.js';

let server: OwnNats;
let client: NatsConnection;
let worker: NatsConnection;
let ingest: NatsConnection;
let admin: NatsConnection;
const open: NatsConnection[] = [];
const stop = new AbortController();
const nothing = (): void => undefined;
const as = async (role: NatsRole): Promise<NatsConnection> => {
  const nc = await connectRole(role, server.url, server.credentials(role));
  open.push(nc);
  return nc;
};

beforeAll(async () => {
  server = await startOwnNats();
  admin = await as('admin');
  await provision(admin, TEST_TOPOLOGY);
  [client, worker, ingest] = [await as('client'), await as('worker'), await as('ingest')];
});
afterAll(async () => {
  stop.abort();
  await Promise.all(open.map((nc) => nc.close()));
  await server.stop();
});

const COMMAND = 'spark.commands.default.unity.x.s';
const streamInfo = async (stream: string) =>
  (await (await jetstreamManager(admin)).streams.info(stream)).state;

/** A client's ordinary publish whose acknowledgement the server sends to a subject of the client's choice. */
async function acknowledgedTo(reply: string, times = 1): Promise<void> {
  for (let n = 0; n < times; n++) client.publish(COMMAND, '{}', { reply });
  await client.flush();
}
/** The same, until the acknowledgements lie in the stream. */
async function storedIn(stream: string, subject: string, times = 1): Promise<void> {
  const before = (await streamInfo(stream)).last_seq;
  await acknowledgedTo(subject, times);
  await expect
    .poll(async () => (await streamInfo(stream)).last_seq, { timeout: 30_000 })
    .toBe(before + times);
}

/** The server sends acknowledgements in the order it stores: when the last is here, those before it have done what they do. */
async function settled(): Promise<void> {
  const passed = client.subscribe('spark.internal.end', { max: 1 });
  await acknowledgedTo('spark.internal.end');
  for await (const _ of passed) break;
  await admin.flush();
}

const claim = (nc: NatsConnection, partition: number) =>
  claimPartition(nc, partition, {
    clock: systemClock,
    live: { published: nothing, progress: nothing, frame: nothing },
    limits: { batchEvents: 250, batchBytes: 512 * 1024 },
    stats: { waiting: nothing, acked: nothing, published: nothing, failed: nothing },
  });
async function replayed(partition: number): Promise<SparkEvent[]> {
  const all = await loggedIn(logFollowing(worker));
  return all.flatMap((logged) => (logged.partition === partition ? [logged.event] : []));
}

describe('given acknowledgements that a client has sent into the log', () => {
  it('then the owner goes on behind them: nothing is lost, nothing twice, and a replay passes them over', async () => {
    const log = await claim(worker, 0);
    const events = [completed(command()), completed(command()), completed(command())] as const;
    await log.append([events[0]]);
    await storedIn(STREAMS.log, 'spark.log.0');
    await log.append([events[1]]);
    await storedIn(STREAMS.log, 'spark.log.0', 600);
    await log.append([events[2]]);
    expect(await replayed(0)).toEqual(events);
    await log.close();
  });

  it('then they keep coming while the owner appends, and it appends', async () => {
    const log = await claim(worker, 1);
    const events = Array.from({ length: 50 }, () => completed(command()));
    for (const event of events) {
      await acknowledgedTo('spark.log.1');
      await log.append([event]);
    }
    expect(await replayed(1)).toEqual(events);
    await log.close();
  });

  it('then a takeover works, and the owner before is fenced, though such a message is the last', async () => {
    const first = await claim(worker, 2);
    await storedIn(STREAMS.log, 'spark.log.2');
    const second = await claim(worker, 2);
    await storedIn(STREAMS.log, 'spark.log.2', 3);
    await expect(first.append([completed(command())])).rejects.toMatchObject({ code: 'fenced' });
    const kept = completed(command());
    await second.append([kept]);
    await storedIn(STREAMS.log, 'spark.log.2');
    expect(await replayed(2)).toEqual([kept]);
    await second.close();
  });

  it('then the feed tells what comes after, and the projector notes each as unreadable', async () => {
    const feed = new LogFeed(ingest, systemClock);
    await feed.start();
    const story = command({ sessionId: 'after' });
    const heard = new Promise<LoggedEvent>((resolve) => feed.onSession('after', resolve));
    const { last_seq } = await streamInfo(STREAMS.log);
    await storedIn(STREAMS.log, 'spark.log.3');
    const log = await claim(worker, 3);
    await log.append([completed(story)]);
    expect((await heard).event.commandId).toBe(story.commandId);
    const read = (await createLogSource(await as('projector'))).read(last_seq, stop.signal);
    const entries = [];
    for await (const message of read) if (entries.push(entryOf(message)) === 3) break;
    expect(entries.map(({ events, unreadable }) => [events.length, unreadable.length])).toEqual([
      [0, 1],
      [0, 0],
      [1, 0],
    ]);
    expect(entries[0]?.unreadable[0]).toMatchObject({
      reason: expect.stringContaining('somebody else'),
      body: expect.stringContaining('SPARK_COMMANDS'),
    });
    await log.close();
    await feed.stop();
  });
});

describe('given acknowledgements that a client has sent where SPARK stores', () => {
  // No packer makes these small enough for one chunk.
  const large = randomBytes(1_200_000);
  it.each([
    ['a small image', Buffer.from('small picture'), ''],
    ['a large image: its head', Buffer.concat([large, Buffer.from('1')]), ''],
    ['a large image: a chunk', Buffer.concat([large, Buffer.from('2')]), '.0'],
  ])('then %s is stored and read all the same', async (_what, bytes, piece) => {
    const sha = sha256(bytes);
    await storedIn(STREAMS.images, `spark.images.${sha}${piece}`);
    for (const role of [worker, ingest]) {
      const images = await createImageStore(role, systemClock, stop.signal);
      await images.put([{ sha256: sha, bytes }]);
      expect(Buffer.compare((await images.get(sha)) ?? Buffer.alloc(0), bytes)).toBe(0);
    }
    const stored = (await streamInfo(STREAMS.images)).messages;
    const again = await createImageStore(worker, systemClock, stop.signal);
    await again.put([{ sha256: sha, bytes }]);
    expect((await streamInfo(STREAMS.images)).messages).toBe(stored);
  });

  it('then what is parked is read past them', async () => {
    const parking = await createParking(worker, systemClock, stop.signal);
    await storedIn(STREAMS.parked, 'spark.parked.left', 20);
    const first = await parking.park('left', [aCommand({ editor: 'left' })], 1);
    await storedIn(STREAMS.parked, 'spark.parked.left', 20);
    const second = await parking.park('left', [aCommand({ editor: 'left' })], 1);
    await storedIn(STREAMS.parked, 'spark.parked.left');
    const placesOf = async (after: number, most: number) =>
      (await parking.read('left', after, most)).map(({ parkedSeq }) => parkedSeq);
    expect(await placesOf(0, 16)).toEqual([first, second]);
    expect(await placesOf(0, 1)).toEqual([first]);
    expect(await placesOf(first, 16)).toEqual([second]);
    expect(await placesOf(second, 16)).toEqual([]);
  });

  it('then an editor stays registered and paused, in what runs and in what starts, and can be changed', async () => {
    const now = '2026-05-01T10:00:00.000Z';
    const running = new EditorRegistry(ingest, systemClock);
    await running.start();
    await running.change('left', (before) =>
      registeredEntry(before, { editor: 'left', instance: 'Game@abc' }, now),
    );
    await running.change('left', (before) =>
      pausedEntry(before, 'left', { by: 'ops', at: now, reason: null }),
    );
    const stored = running.entries.get('left');
    await storedIn(STREAMS.editors, '$KV.spark-editors.left', 3);
    const fresh = new EditorRegistry(worker, systemClock);
    await fresh.start();
    expect(fresh.entries.get('left')).toEqual(stored);
    const { before, after } = await running.change('left', (entry) =>
      pausedEntry(entry, 'left', { by: 'other', at: now, reason: null }),
    );
    expect(before).toEqual(stored);
    expect(after).toMatchObject({ registered: true });
    expect(running.entries.get('left')).toEqual(after);
    await expect.poll(() => fresh.entries.get('left')).toEqual(after);
    await running.stop();
    await fresh.stop();
  });

  it('then dead letters, and what was done about them, are read past them', async () => {
    await storedIn(STREAMS.deadLetters, 'spark.dlq');
    await storedIn(STREAMS.deadLetterActions, 'spark.dlq-actions');
    await createDeadLetters(worker, systemClock, stop.signal).append({
      reason: 'malformed_json',
      attempts: 0,
      lastError: 'no',
      original: { subject: 'spark.commands.x', headers: {}, data: Buffer.from('{') },
      commandId: null,
      sessionId: null,
      editor: null,
      position: { partition: 0, seq: 1, index: 0, count: 1 },
    });
    const action = { action: 'dropped', letterId: 2, actor: 'ops' } as const;
    await createDeadLetterActions(ingest, systemClock, stop.signal).append(action);
    const projector = await as('projector');
    const letters = (await createDeadLetterSource(projector)).read(0, stop.signal);
    for await (const { streamSeq, letter } of letters) {
      expect([streamSeq, letter.reason]).toEqual([2, 'malformed_json']);
      break;
    }
    const actions = (await createDeadLetterActionSource(projector)).read(0, stop.signal);
    for await (const told of actions) {
      expect(told).toMatchObject({ streamSeq: 2, action });
      break;
    }
  });

  it('then a wish to cancel is heard by a worker that starts later', async () => {
    const wish = { commandId: 'c-1', actor: 'ops', at: '2026-05-01T10:00:00.000Z', reason: null };
    await (await createCancelSink(ingest)).cancel(wish);
    await storedIn(STREAMS.cancels, '$KV.spark-cancels.c-1');
    const heard: unknown[] = [];
    await watchCancels(worker, systemClock).watch((request) => heard.push(request), stop.signal);
    expect(heard).toEqual([wish]);
  });
});

describe('given acknowledgements that a client has sent between SPARK’s own processes', () => {
  it('then no worker resets its pulls and no ingest forgets its editors; the true words are heard', async () => {
    const heard: unknown[] = [];
    onReleased(worker, () => heard.push('released'));
    onEditorsChanged(ingest, (changed) => heard.push(changed));
    await Promise.all([worker.flush(), ingest.flush()]);
    await acknowledgedTo('spark.internal.released');
    await acknowledgedTo('spark.internal.editors-changed');
    await settled();
    const changed = { changed: ['left'], known: ['left'] };
    const other = await as('worker');
    tellReleased(other);
    tellEditorsChanged(other, changed);
    await expect.poll(() => heard.length).toBe(2);
    expect(heard).toEqual(expect.arrayContaining(['released', changed]));
  });

  it.each([
    ['$JS.API.STREAM.PURGE.SPARK_COMMANDS'],
    ['$JS.API.STREAM.DELETE.SPARK_COMMANDS'],
    ['$JS.API.STREAM.MSG.DELETE.SPARK_COMMANDS'],
    ['$JS.API.CONSUMER.DELETE.SPARK_COMMANDS.worker-0'],
    ['$JS.API.CONSUMER.RESET.SPARK_COMMANDS.worker-0'],
  ])('then %s does nothing', async (subject) => {
    const manager = await jetstreamManager(admin);
    await acknowledgedTo(subject, 5);
    await settled();
    const { messages, first_seq, last_seq } = await streamInfo(STREAMS.commands);
    expect({ first_seq, messages }).toEqual({ first_seq: 1, messages: last_seq });
    expect((await manager.consumers.info(STREAMS.commands, 'worker-0')).delivered.stream_seq).toBe(0);
  });

  it('then what a worker holds is not acknowledged for it', async () => {
    const partition = partitionOf('default', TEST_TOPOLOGY.partitions);
    await acknowledgedTo('spark.internal.end');
    const consumer = await jetstream(worker).consumers.get(STREAMS.commands, workerConsumer(partition));
    const held = await consumer.next();
    if (!held) throw new Error('nothing was delivered');
    await acknowledgedTo((held as unknown as { reply: string }).reply, 3);
    await settled();
    expect(await consumer.info()).toMatchObject({ num_ack_pending: 1, ack_floor: { stream_seq: 0 } });
  });
});

describe('what may be answered', () => {
  it('a client that hears SPARK’s questions may not answer them; the worker’s answers come', async () => {
    const refused: string[] = [];
    const listener = await as('client');
    void (async () => {
      for await (const status of listener.status())
        if (status.type === 'error') refused.push(status.error.message);
    })();
    listener.subscribe('spark.internal.status.0', {
      callback: (_error, message) =>
        void message.respond(JSON.stringify({ worker: 'w', owns: [0], answer: [{ commandId: 'forged' }] })),
    });
    await listener.flush();
    const queries = createWorkerQueries(ingest, TEST_TOPOLOGY.partitions);
    expect(await queries.status(['a'])).toEqual([]);
    await expect.poll(() => refused.join()).toMatch(/permissions violation for publish/i);
    const answering = new WorkerAnswering(worker, 'w1', {
      heldCommands: () => 7,
      editors: async () => ({ editors: [] }),
      status: async (ids) => ids.map((commandId) => ({ commandId })),
      planUndo: async () => ({ ok: true }),
      reconcile: async () => ({ ok: false, code: 'not_unknown', message: 'no' }),
    });
    answering.own(0);
    const stopPings = createFleetBoard(worker, systemClock).answerPings('w1');
    await worker.flush();
    expect(await queries.status(['a'])).toEqual([{ commandId: 'a' }]);
    // From a worker to the worker beside it, which would take over without this answer.
    expect(await createFleetBoard(await as('worker'), systemClock).ping('w1')).toBe('lives');
    stopPings();
    answering.disownAll();
  });

  it('spark.submit answers inboxes, and submits nothing for whoever wants its answer elsewhere', async () => {
    const submitter = new FakeSubmitter();
    const stopServing = await serveSubmit(ingest, submitter, '0.0.0');
    await ingest.flush();
    const leaked: string[] = [];
    client.subscribe('spark.>', {
      callback: (_error, message) =>
        message.subject.startsWith('spark.submit') ? undefined : void leaked.push(message.subject),
    });
    const subject = 'spark.submit.left.unity.generate_script.session-1';
    const body = JSON.stringify(scriptPayload());
    client.publish(subject, body, { reply: 'spark.internal.reconcile' });
    client.publish(subject, body, { reply: 'spark.commands.left.unity.generate_script.s' });
    client.publish(subject, body);
    const answer = await client.request(subject, body, { timeout: 2_000 });
    expect(answer.json()).toMatchObject({ accepted: true });
    expect(leaked).toEqual([]);
    await stopServing();
  });
});
