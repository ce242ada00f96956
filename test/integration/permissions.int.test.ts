import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.js';
import { sha256 } from '../../src/core/ids.js';
import type { LoggedEvent } from '../../src/events/event.js';
import { canary } from '../../src/streams/canary.js';
import { createCommandInbox } from '../../src/streams/commandInbox.js';
import { createBacklogProbe, createCommandPublisher } from '../../src/streams/commandPublisher.js';
import { createCommandSource } from '../../src/streams/commandSource.js';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import {
  createDeadLetterActionSource,
  createDeadLetterActions,
} from '../../src/streams/deadLetterActions.js';
import { createDeadLetterSource, createDeadLetters } from '../../src/streams/deadLetters.js';
import { LogFeed } from '../../src/streams/feed.js';
import { createFleetBoard } from '../../src/streams/fleetBoard.js';
import { createImageStore } from '../../src/streams/imageStore.js';
import { createLiveFeed } from '../../src/streams/liveFeed.js';
import { createLogSource, logFollowing } from '../../src/streams/logReader.js';
import { createParking } from '../../src/streams/parking.js';
import { claimPartition } from '../../src/streams/partitionLog.js';
import type { NatsRole } from '../../src/streams/permissions.js';
import { provision } from '../../src/streams/provision.js';
import { partitionOf } from '../../src/streams/subjects.js';
import { serveSubmit } from '../../src/streams/submitService.js';
import { createWorkerQueries } from '../../src/streams/workerQueries.js';
import { WorkerAnswering } from '../../src/streams/workerRpc.js';
import { aCommand, aRequest, scriptPayload } from '../support/commandFixtures.js';
import { TEST_TOPOLOGY } from '../support/freshStreams.js';
import { FakeSubmitter } from '../support/httpFakes.js';
import { loggedIn } from '../support/loggedIn.js';
import { type OwnNats, startOwnNats } from '../support/ownNats.js';
import { pullSome } from '../support/portSuites/inboxSuite.js';
import { command, completed, failed } from '../support/story.js';

let server: OwnNats;
const open: NatsConnection[] = [];
const stop = new AbortController();
const as = async (role: NatsRole): Promise<NatsConnection> => {
  const nc = await connectRole(role, server.url, server.credentials(role));
  open.push(nc);
  return nc;
};
beforeAll(async () => {
  server = await startOwnNats();
  expect(await provision(await as('admin'), TEST_TOPOLOGY)).toEqual([]);
});
afterAll(async () => {
  stop.abort();
  await Promise.all(open.map((nc) => nc.close()));
  await server.stop();
});

const image = { sha256: sha256('picture'), bytes: Buffer.from('picture') };
const nothing = (): void => undefined;
const workerLog = (nc: NatsConnection, partition: number) =>
  claimPartition(nc, partition, {
    clock: systemClock,
    live: createLiveFeed(nc, systemClock, { progressDropped: nothing, frameDropped: nothing }),
    limits: { batchEvents: 250, batchBytes: 512 * 1024 },
    stats: { waiting: nothing, acked: nothing, published: nothing, failed: nothing },
  });
async function first<T>(items: AsyncIterable<T>): Promise<T> {
  for await (const item of items) return item;
  throw new Error('nothing came');
}

describe('each role can do its work', () => {
  it('a client publishes a command in one line and sees what SPARK says of its session', async () => {
    const nc = await as('client');
    const live = nc.subscribe('spark.runtime.>', { max: 1 });
    await nc.flush();
    const ack = await jetstream(nc).publish(
      'spark.commands.left.unity.generate_script.session-1',
      JSON.stringify(scriptPayload()),
    );
    expect(ack.seq).toBeGreaterThan(0);
    const worker = await as('worker');
    const log = await workerLog(worker, 0);
    await log.append([completed(command({ sessionId: 'session-1' }))]);
    expect((await first(live)).subject).toBe('spark.runtime.unity.completed.session-1');
    await log.close();
  });

  it('a worker pulls, claims, appends, stores, parks, keeps dead letters, purges and answers questions', async () => {
    const nc = await as('worker');
    const inbox = await createCommandInbox(nc, TEST_TOPOLOGY.partitions);
    const partition = partitionOf('left', TEST_TOPOLOGY.partitions);
    await inbox.reset(partition);
    const [delivery] = await pullSome({ inbox, partition }, 1);
    delivery?.working();
    delivery?.ack();
    await expect.poll(async () => (await inbox.pending(partition)).ackFloor).toBe(delivery?.seq);
    await inbox.purgeBelow(partition, (delivery?.seq ?? 0) + 1);
    expect((await inbox.usage()).maxBytes).toBe(TEST_TOPOLOGY.commandsMaxBytes);
    const log = await workerLog(nc, partition);
    await log.append([failed(command({ sessionId: 'session-2' }), 'failed')]);
    expect((await loggedIn(logFollowing(nc))).length).toBeGreaterThan(0);
    const images = await createImageStore(nc, systemClock, stop.signal);
    await images.put([image]);
    expect(await images.get(image.sha256)).toBeDefined();
    const parking = await createParking(nc, systemClock, stop.signal);
    const place = await parking.park('left', [aCommand({ editor: 'left' })], 1);
    expect(await parking.read('left', 0, 1)).toHaveLength(1);
    expect(await parking.look()).toEqual({ upTo: place, editors: ['left'] });
    await parking.release('left', place);
    await createDeadLetters(nc, systemClock, stop.signal).append({
      reason: 'malformed_json',
      attempts: 0,
      lastError: 'no',
      original: { subject: 'spark.commands.x', headers: {}, data: Buffer.from('{') },
      commandId: null,
      sessionId: null,
      editor: null,
      position: { partition: 0, seq: 1, index: 0, count: 1 },
    });
    await log.close();
  });

  it('workers see and ask each other; ingest asks the owners; without one, nobody answers', async () => {
    const [owner, other] = [await as('worker'), await as('worker')];
    const [board, others] = [createFleetBoard(owner, systemClock), createFleetBoard(other, systemClock)];
    expect(await others.ping('w1')).toBe('gone');
    const stopPings = board.answerPings('w1');
    await owner.flush();
    expect(await others.ping('w1')).toBe('lives');
    const words: unknown[] = [];
    others.watch((id, member) => words.push([id, member?.owned]), stop.signal);
    await board.say({ workerId: 'w1', gate: 'g', born: null, ready: true, owned: { 1: 7 } });
    await board.remove('w1');
    await expect
      .poll(() => words)
      .toEqual([
        ['w1', { 1: 7 }],
        ['w1', undefined],
      ]);
    stopPings();
    const ingest = await as('ingest');
    const queries = createWorkerQueries(ingest, TEST_TOPOLOGY.partitions);
    expect(await queries.status(['a'])).toEqual([]);
    const answering = new WorkerAnswering(owner, 'w1', {
      heldCommands: () => 7,
      editors: async () => ({ editors: [] }),
      status: async (ids) => ids.map((commandId) => ({ commandId })),
      planUndo: async () => ({ ok: true }),
      reconcile: async () => ({ ok: false, code: 'not_unknown', message: 'no' }),
    });
    for (let partition = 0; partition < TEST_TOPOLOGY.partitions; partition++) answering.own(partition);
    await owner.flush();
    expect(await queries.status(['a'])).toEqual([{ commandId: 'a' }]);
    expect(await queries.planUndo({ sessionId: 's', direction: 'undo' })).toEqual({ ok: true });
    expect((await (await createBacklogProbe(ingest, TEST_TOPOLOGY.partitions))()).heldCommands).toBe(7);
    answering.disownAll();
  });

  it('ingest stores envelopes, reads the log as it grows, reads images and proves that storing works', async () => {
    const nc = await as('ingest');
    const publisher = await createCommandPublisher(nc, TEST_TOPOLOGY.partitions);
    expect(await publisher.publish(1, [aRequest()], 'm1')).toMatchObject({ kind: 'stored' });
    expect(await canary(nc)).toBeGreaterThan(0);
    const images = await createImageStore(nc, systemClock, stop.signal);
    expect(await images.get(image.sha256)).toBeDefined();
    // An import brings the bytes of its operations along.
    const brought = Buffer.from('brought by an import');
    await images.put([{ sha256: sha256(brought), bytes: brought }]);
    expect(await images.get(sha256(brought))).toEqual(brought);
    const feed = new LogFeed(nc, systemClock);
    await feed.start();
    const heard = new Promise<LoggedEvent>((resolve) => feed.onSession('session-3', resolve));
    const story = command({ sessionId: 'session-3' });
    const ended = feed.terminal(story.commandId, 5_000, stop.signal);
    const log = await workerLog(await as('worker'), 3);
    await log.append([completed(story)]);
    expect((await heard).event.commandId).toBe(story.commandId);
    expect((await ended)?.event.kind).toBe('completed');
    await log.close();
    await feed.stop();
    await feed.stop();
  });

  it('ingest answers spark.submit requests of clients: accept or reject, with reasons', async () => {
    const submitter = new FakeSubmitter();
    const stopServing = await serveSubmit(await as('ingest'), submitter, '0.0.0');
    const nc = await as('client');
    const ask = async (subject: string, body: string) =>
      (await nc.request(subject, body, { timeout: 2_000 })).json<object>();
    const subject = 'spark.submit.left.unity.generate_script.session-1';
    expect(await ask(subject, JSON.stringify(scriptPayload()))).toMatchObject({
      accepted: true,
      duplicate: false,
      commandId: expect.any(String),
    });
    expect(await ask(subject, '{')).toMatchObject({ accepted: false, code: 'malformed_json' });
    expect(await ask(subject, '{}')).toMatchObject({
      accepted: false,
      code: 'schema_violation',
      errors: expect.arrayContaining([expect.objectContaining({ pointer: '/payload/path' })]),
    });
    expect(await ask('spark.submit.left.unity.dance.session-1', '{}')).toMatchObject({
      accepted: false,
      code: 'unknown_command',
    });
    expect(await ask('spark.submit.left', '{}')).toMatchObject({
      accepted: false,
      code: 'malformed_subject',
    });
    submitter.answer = () => ({
      kind: 'saturated',
      reason: 'backlog',
      retryAfterMs: 1_000,
      queuePosition: 7,
    });
    expect(await ask(subject, JSON.stringify(scriptPayload()))).toMatchObject({
      accepted: false,
      code: 'saturated',
      queuePosition: 7,
    });
    submitter.answer = () => ({ kind: 'unavailable', reason: 'x', retryAfterMs: 1_000 });
    expect(await ask(subject, JSON.stringify(scriptPayload()))).toMatchObject({
      accepted: false,
      code: 'unavailable',
    });
    await stopServing();
  });

  it('an ingest notes what was done about dead letters, once, and a projector reads it', async () => {
    const actions = createDeadLetterActions(await as('ingest'), systemClock, stop.signal);
    const action = { action: 'redriven', letterId: 7, actor: 'ops', newCommandId: 'c', redrive: 1 } as const;
    await actions.append(action);
    await actions.append(action);
    await actions.append({ action: 'dropped', letterId: 8, actor: 'ops' });
    const source = await createDeadLetterActionSource(await as('projector'));
    const read = source.read(0, stop.signal)[Symbol.asyncIterator]();
    expect((await read.next()).value).toMatchObject({ streamSeq: 1, action });
    expect((await read.next()).value).toMatchObject({
      streamSeq: 2,
      action: { action: 'dropped', letterId: 8 },
    });
    await read.return?.();
  });

  it('a projector reads log, commands, images and dead letters', async () => {
    const nc = await as('projector');
    const log = await createLogSource(nc);
    expect(await log.created()).toMatch(/^20/);
    expect(await log.lastStreamSeq()).toBeGreaterThan(0);
    expect((await first(log.read(0, stop.signal))).streamSeq).toBe(1);
    expect(
      await first((await createCommandSource(nc, TEST_TOPOLOGY.partitions)).read(0, stop.signal)),
    ).not.toHaveProperty('payload');
    expect((await first((await createDeadLetterSource(nc)).read(0, stop.signal))).letter.reason).toBe(
      'malformed_json',
    );
    const images = await createImageStore(nc, systemClock, stop.signal);
    expect((await images.fetch([image.sha256, sha256('missing')])).size).toBe(1);
  });
});

describe('each role can do no more', () => {
  const forbidden: [NatsRole, string][] = [
    ['client', 'spark.log.0'],
    ['client', 'spark.dlq'],
    ['client', 'spark.dlq-actions'],
    ['worker', 'spark.dlq-actions'],
    ['projector', 'spark.dlq-actions'],
    ['client', 'spark.command-envelopes.0'],
    ['client', 'spark.images.x'],
    ['client', 'spark.parked.left'],
    ['client', 'spark.internal.status'],
    ['client', 'spark.runtime.unity.completed.session-1'],
    ['client', '$JS.API.STREAM.INFO.SPARK_LOG'],
    ['client', '$JS.API.STREAM.DELETE.SPARK_COMMANDS'],
    ['client', '$JS.API.STREAM.PURGE.SPARK_COMMANDS'],
    ['client', '_INBOX_spark_ingest.x'],
    ['ingest', 'spark.log.0'],
    ['ingest', 'spark.dlq'],
    ['ingest', '$JS.API.STREAM.PURGE.SPARK_COMMANDS'],
    ['ingest', '$JS.API.STREAM.DELETE.SPARK_LOG'],
    ['ingest', '$JS.API.CONSUMER.RESET.SPARK_COMMANDS.worker-0'],
    ['ingest', '$JS.ACK.SPARK_COMMANDS.worker-0.1.1.1.1.0'],
    ['worker', 'spark.commands.left.unity.generate_script.s'],
    ['worker', 'spark.command-envelopes.0'],
    ['worker', '$JS.API.STREAM.PURGE.SPARK_LOG'],
    ['worker', '$JS.API.STREAM.DELETE.SPARK_COMMANDS'],
    ['worker', '$JS.API.STREAM.UPDATE.SPARK_LOG'],
    ['worker', '$JS.API.STREAM.MSG.DELETE.SPARK_IMAGES'],
    ['gate', 'spark.log.0'],
    ['gate', '$KV.spark-editors.default'],
    ['gate', 'spark.commands.left.unity.generate_script.s'],
    ['gate', '$JS.API.STREAM.PURGE.KV_spark-editors'],
    ['projector', 'spark.log.0'],
    ['projector', 'spark.commands.left.unity.generate_script.s'],
    ['projector', 'spark.dlq'],
    ['projector', '$JS.API.STREAM.PURGE.SPARK_PARKED'],
  ];
  it.each(forbidden)('%s may not publish %s', async (role, subject) => {
    const nc = await as(role);
    const refused = violationOf(nc);
    nc.publish(subject, 'x');
    await nc.flush();
    expect(await refused).toMatch(/permissions violation for publish/i);
    await nc.close();
  });

  it.each<[NatsRole, string]>([
    ['client', '>'],
    ['client', '_INBOX_spark_worker.>'],
    ['client', '$JS.>'],
    ['ingest', '_INBOX_spark_worker.>'],
    ['ingest', 'spark.log.>'],
    ['worker', '_INBOX_spark_ingest.>'],
    ['worker', 'spark.commands.>'],
    ['gate', 'spark.>'],
    ['projector', 'spark.>'],
  ])('%s may not listen to %s', async (role, subject) => {
    const nc = await as(role);
    const refused = violationOf(nc);
    nc.subscribe(subject, { callback: nothing });
    await nc.flush();
    expect(await refused).toMatch(/permissions violation for subscription/i);
    await nc.close();
  });

  it('nobody deletes from the log, not even the admin', async () => {
    const manager = await jetstreamManager(await as('admin'));
    await expect(manager.streams.purge('SPARK_LOG')).rejects.toThrow();
    await expect(manager.streams.deleteMessage('SPARK_LOG', 1)).rejects.toThrow();
  });
});

/** What the server says against the next thing this connection does. */
async function violationOf(nc: NatsConnection): Promise<string> {
  for await (const status of nc.status()) if (status.type === 'error') return status.error.message;
  return 'nothing';
}
