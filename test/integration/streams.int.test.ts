import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { headers } from 'nats';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../chaos/proxy/tcpProxy.js';
import { systemClock } from '../../src/core/clock.js';
import type { SparkEvent } from '../../src/events/event.js';
import { createCommandInbox } from '../../src/streams/commandInbox.js';
import { createCommandPublisher } from '../../src/streams/commandPublisher.js';
import { connectRole, type NatsConnection } from '../../src/streams/connection.js';
import { createDeadLetterSource, createDeadLetters } from '../../src/streams/deadLetters.js';
import { createImageStore } from '../../src/streams/imageStore.js';
import { logFollowing } from '../../src/streams/logReader.js';
import { createParking } from '../../src/streams/parking.js';
import { claimPartition, type LogStats } from '../../src/streams/partitionLog.js';
import { partitionOf } from '../../src/streams/subjects.js';
import { STREAMS } from '../../src/streams/topology.js';
import type { ImageStore, LogPort, Parking } from '../../src/workers/ports.js';
import { aRequest, scriptPayload } from '../support/commandFixtures.js';
import { freshStreams, TEST_TOPOLOGY } from '../support/freshStreams.js';
import { loggedIn } from '../support/loggedIn.js';
import { inboxSuite, pullSome } from '../support/portSuites/inboxSuite.js';
import { logSuite } from '../support/portSuites/logSuite.js';
import { deadLetterSuite, imageSuite, parkingSuite } from '../support/portSuites/storeSuites.js';
import { command, completed } from '../support/story.js';

const server = inject('nats');
const credentials = server.user === null ? undefined : { user: server.user, password: server.password ?? '' };
const connect = (url = server.url) => connectRole('admin', url, credentials);
const stop = new AbortController();
const open: NatsConnection[] = [];
let nc: NatsConnection;
let images: ImageStore;
let parking: Parking;

const connected = async (url?: string): Promise<NatsConnection> => {
  const made = await connect(url);
  open.push(made);
  return made;
};
beforeAll(async () => {
  nc = await connected();
  await freshStreams(nc);
  images = await createImageStore(nc, systemClock, stop.signal);
  parking = await createParking(nc, systemClock, stop.signal);
});
afterAll(async () => {
  stop.abort();
  await Promise.all(open.map((made) => made.close()));
});

const nothing = (): void => undefined;
const silent: LogStats = { waiting: nothing, acked: nothing, published: nothing, failed: nothing };
const logOn = (on: NatsConnection, stats = silent): LogPort => ({
  claim: (partition) =>
    claimPartition(on, partition, {
      clock: systemClock,
      live: { published: () => undefined, progress: () => undefined, frame: () => undefined },
      limits: { batchEvents: 250, batchBytes: 512 * 1024 },
      stats,
    }),
  ...logFollowing(on),
});
const eventsOf = async (partition: number): Promise<SparkEvent[]> =>
  (await loggedIn(logFollowing(nc))).flatMap((logged) =>
    logged.partition === partition ? [logged.event] : [],
  );
const messagesOf = async (stream: string) =>
  (await (await jetstreamManager(nc)).streams.info(stream)).state.messages;
const apiError = (code: number) => expect.objectContaining({ code });

let unused = 100;
logSuite('JetStream', () => ({ log: logOn(nc), freshPartition: () => ++unused }));
imageSuite('JetStream', () => ({ images, stored: () => messagesOf(STREAMS.images) }));
let editors = 0;
parkingSuite('JetStream', () => ({ parking, freshEditor: () => `editor-${++editors}-` }));
deadLetterSuite('JetStream', () => ({
  letters: createDeadLetters(nc, systemClock, stop.signal),
  kept: async () => {
    const found: { reason: string; seq: number; index: number }[] = [];
    const count = await messagesOf(STREAMS.deadLetters);
    if (count === 0) return found;
    const source = await createDeadLetterSource(nc);
    for await (const { letter } of source.read(0, stop.signal)) {
      found.push({ reason: letter.reason, ...letter.stream });
      if (found.length === count) break;
    }
    return found;
  },
}));

describe('a dead letter of a hostile publish', () => {
  const place = { stream: 'made-1', partition: 0, seq: 5_000, index: 0, count: 1 };
  const keep = async (
    original: { subject: string; headers: Record<string, string>; data: Uint8Array },
    index: number,
  ) => {
    const letters = createDeadLetters(nc, systemClock, stop.signal);
    const unknown = { commandId: null, sessionId: null, editor: null };
    const why = { reason: 'malformed_json', attempts: 0, lastError: 'no' };
    await letters.append({ ...why, ...unknown, original, position: { ...place, index } });
    const source = await createDeadLetterSource(nc);
    for await (const { letter } of source.read(0, stop.signal))
      if (letter.stream.seq === place.seq && letter.stream.index === index) return letter;
    throw new Error('not kept');
  };

  it('says where it lay: its place, and in which command stream', async () => {
    const letter = await keep({ subject: 'spark.commands.x', headers: {}, data: Buffer.from('{') }, 7);
    expect(letter.stream).toEqual({ seq: 5_000, index: 7, mark: 'made-1' });
  });

  it('with megabytes of headers is kept, they are cut short, and it fits the smallest server', async () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`H${n}`, 'x'.repeat(100)]));
    const headers = { Greedy: '"'.repeat(5_000_000), ...many };
    const letter = await keep({ subject: 'spark.commands.x', headers, data: Buffer.from('{') }, 0);
    expect(JSON.stringify(letter).length).toBeLessThan(100_000);
    expect(letter.headers['Greedy']).toMatch(/^"{100}/);
  });

  it.each([
    ['control characters', Buffer.alloc(900_000, 1)],
    ['NUL', Buffer.from('a\0b')],
    ['bytes that are no text', Buffer.alloc(900_001, 0xff)],
    ['long text', Buffer.from('日'.repeat(300_002))],
  ])('of %s is kept byte for byte as far as it goes, and fits the smallest server', async (_what, data) => {
    const letter = await keep({ subject: 'spark.commands.x', headers: {}, data }, data.byteLength);
    expect(Buffer.byteLength(JSON.stringify(letter))).toBeLessThan(700_000);
    const body = Buffer.from(letter.body, letter.bodyEncoding === 'base64' ? 'base64' : 'utf8');
    expect(Buffer.compare(body, data.subarray(0, body.byteLength))).toBe(0);
    expect(letter.bodyTruncated).toBe(body.byteLength < data.byteLength);
  });
});

/** The first editor name of the partition. */
function editorIn(partition: number): string {
  for (let n = 0; ; n++) if (partitionOf(`e${n}`, TEST_TOPOLOGY.partitions) === partition) return `e${n}`;
}
const subjectOf = (editor: string) => `spark.commands.${editor}.unity.generate_script.session-1`;
const emptyInbox = async (partition = 2) => {
  await (await jetstreamManager(nc)).streams.purge(STREAMS.commands);
  return { inbox: await createCommandInbox(nc, TEST_TOPOLOGY.partitions), partition };
};
inboxSuite('JetStream', async () => {
  const { inbox, partition } = await emptyInbox();
  const publish = async (count: number) => {
    const seqs = [];
    for (let n = 0; n < count; n++) {
      const body = JSON.stringify(scriptPayload(`Assets/N${n}.cs`));
      seqs.push((await jetstream(nc).publish(subjectOf(editorIn(partition)), body)).seq);
    }
    return seqs;
  };
  return { inbox, partition, publish };
});

describe('claims of one partition at the same moment', () => {
  it('are one claim: whoever came first keeps it, the others are told so', async () => {
    const partition = ++unused;
    // All look before any of them claims: the server answers one connection in order.
    const claims = await Promise.allSettled([1, 2, 3].map(() => logOn(nc).claim(partition)));
    const lost = claims.flatMap((claim) => (claim.status === 'rejected' ? [claim.reason] : []));
    expect(lost).toMatchObject([{ code: 'claimed_meanwhile' }, { code: 'claimed_meanwhile' }]);
    for (const claim of claims)
      if (claim.status === 'fulfilled')
        expect(await claim.value.append([completed(command())])).toBeGreaterThan(claim.value.epoch);
  });
});

describe('an append whose answer gets lost', () => {
  it('is stored once and resolves when the wire is back', async () => {
    const proxy: TcpProxy = await startTcpProxy(Number(new URL(server.url).port));
    const far = await connected(`nats://127.0.0.1:${proxy.port}`);
    const partition = ++unused;
    const log = await logOn(far).claim(partition);
    const first = completed(command());
    await log.append([first]);
    const before = await messagesOf(STREAMS.log);
    proxy.hurt({ kind: 'lose_reply' });
    const second: SparkEvent = completed(command());
    const appending = log.append([second]);
    await expect.poll(() => messagesOf(STREAMS.log)).toBe(before + 1);
    proxy.heal();
    await appending;
    const third = completed(command());
    await log.append([third]);
    expect(await eventsOf(partition)).toEqual([first, second, third]);
    await log.close();
    await far.close();
    await proxy.close();
  });

  it('while another owner claims, is refused: no double, no gap', async () => {
    const proxy: TcpProxy = await startTcpProxy(Number(new URL(server.url).port));
    const far = await connected(`nats://127.0.0.1:${proxy.port}`);
    const partition = ++unused;
    const zombie = await logOn(far).claim(partition);
    // Those that connect anew lose their replies too.
    proxy.hurt({ kind: 'cut' });
    proxy.hurt({ kind: 'lose_reply' });
    const appending = zombie.append([completed(command())]);
    const refused = expect(appending).rejects.toMatchObject({ code: 'fenced' });
    const owner = await logOn(nc).claim(partition);
    const kept = completed(command());
    await owner.append([kept]);
    proxy.heal();
    await refused;
    expect(await eventsOf(partition)).toEqual([kept]);
    await far.close();
    await proxy.close();
  });
});

describe('what an appender tells', () => {
  it('is what waits for its ack, and how long the oldest of a message has waited', async () => {
    const proxy: TcpProxy = await startTcpProxy(Number(new URL(server.url).port));
    const far = await connected(`nats://127.0.0.1:${proxy.port}`);
    const told = { waiting: 0, published: 0, acked: [] as number[] };
    const log = await logOn(far, {
      waiting: (change) => {
        told.waiting += change;
      },
      acked: (durationMs) => told.acked.push(durationMs),
      published: (events) => {
        told.published += events;
      },
      failed: nothing,
    }).claim(++unused);
    const before = await messagesOf(STREAMS.log);
    proxy.hurt({ kind: 'lose_reply' });
    const appending = Promise.all([
      log.append([completed(command()), completed(command())]),
      log.append([completed(command())]),
    ]);
    await expect.poll(() => messagesOf(STREAMS.log)).toBe(before + 1);
    expect(told).toEqual({ waiting: 3, published: 0, acked: [] });
    proxy.heal();
    await appending;
    expect(told).toEqual({ waiting: 0, published: 3, acked: [expect.any(Number)] });
    expect(told.acked[0]).toBeGreaterThan(0);
    await log.close();
    await far.close();
    await proxy.close();
  });
});

describe('the partition of an editor', () => {
  it('is the same for the server as for us, for 200 names', async () => {
    const { inbox } = await emptyInbox();
    const names = Array.from(
      { length: 200 },
      (_, n) => `${(n * 2654435761) % 4294967296}`.slice(0, (n % 10) + 1) + (n % 3 ? `_E-${n}` : `x${n}`),
    );
    const js = jetstream(nc);
    await Promise.all(names.map((name) => js.publish(subjectOf(name), '{}')));
    const found = new Map<string, number>();
    for (let partition = 0; partition < TEST_TOPOLOGY.partitions; partition++) {
      await inbox.reset(partition);
      const expected = names.filter(
        (name) => partitionOf(name, TEST_TOPOLOGY.partitions) === partition,
      ).length;
      for (const { original } of await pullSome({ inbox, partition }, expected))
        found.set(original.subject.split('.')[2] ?? '', partition);
    }
    expect([...found].map(([name, partition]) => [name, partition]).sort()).toEqual(
      names.map((name) => [name, partitionOf(name, TEST_TOPOLOGY.partitions)]).sort(),
    );
  });

  it('given a subject that is no command’s, is the first: it is refused there and said to be what was published', async () => {
    const { inbox } = await emptyInbox(0);
    const subjects = [
      'spark.commands.left',
      'spark.commands.left.unity.generate_script',
      'spark.commands.left.unity.generate_script.session-1.extra',
      'spark.commands.le$ft.unity.generate_script.session-1',
    ];
    for (const subject of subjects) await jetstream(nc).publish(subject, '{}');
    const got = [];
    for (let partition = 0; partition < TEST_TOPOLOGY.partitions; partition++) {
      await inbox.reset(partition);
      const { waiting } = await inbox.pending(partition);
      got.push(...(await pullSome({ inbox, partition }, waiting)));
    }
    expect(got.map(({ original }) => original.subject).sort()).toEqual(subjects.toSorted());
    for (const { items } of got)
      expect(items).toMatchObject([{ kind: 'bad', refusal: { code: 'malformed_subject' } }]);
    const reasons = got
      .filter(({ original }) => original.subject.endsWith('extra'))
      .map(({ items }) => items[0]);
    expect(reasons).toMatchObject([
      { editor: 'left', sessionId: 'session-1', type: 'unity.generate_script' },
    ]);
    expect(got.filter(({ partition }) => partition === 0).length).toBeGreaterThanOrEqual(3);
  });

  it('lets done messages be purged, refused ones too', async () => {
    const { inbox } = await emptyInbox(0);
    for (const subject of ['spark.commands.left', subjectOf(editorIn(0))])
      await jetstream(nc).publish(subject, '{}');
    await createCommandPublisher(nc, TEST_TOPOLOGY.partitions).then((publisher) =>
      publisher.publish(0, [aRequest()], 'once'),
    );
    await inbox.reset(0);
    const got = await pullSome({ inbox, partition: 0 }, 3);
    await inbox.purgeBelow(0, (got.at(-1)?.seq ?? 0) + 1);
    expect(await messagesOf(STREAMS.commands)).toBe(0);
  });
});

describe('raw publishes and envelopes', () => {
  it('become commands with their headers, their keys and their places', async () => {
    const { inbox, partition } = await emptyInbox();
    const editor = editorIn(partition);
    const told = headers();
    told.set('Spark-Idempotency-Key', 'k');
    told.set('Spark-Actor', 'ci');
    told.set('Spark-Priority', '9');
    const js = jetstream(nc);
    await js.publish(subjectOf(editor), JSON.stringify(scriptPayload()), { headers: told });
    await js.publish(subjectOf(editor), JSON.stringify(scriptPayload()), { msgID: 'bare' });
    await js.publish(subjectOf(editor), '{"a":');
    const publisher = await createCommandPublisher(nc, TEST_TOPOLOGY.partitions);
    const requests = [aRequest({ editor, key: 'a' }), aRequest({ editor })];
    expect(await publisher.publish(partition, requests, 'envelope')).toMatchObject({
      kind: 'stored',
      duplicate: false,
    });
    expect(await publisher.publish(partition, requests, 'envelope')).toMatchObject({
      kind: 'stored',
      duplicate: true,
    });
    await inbox.reset(partition);
    const items = (await pullSome({ inbox, partition }, 4)).flatMap((delivery) => delivery.items);
    expect(items).toMatchObject([
      {
        kind: 'command',
        command: { idempotencyKey: 'k', actor: 'ci', priority: 9, editor, sessionId: 'session-1' },
      },
      { kind: 'command', command: { idempotencyKey: 'bare' } },
      { kind: 'bad', refusal: { code: 'malformed_json' }, editor, sessionId: 'session-1' },
      { kind: 'command', command: { idempotencyKey: 'a', position: { index: 0, count: 2 } } },
      { kind: 'command', command: { idempotencyKey: null, position: { index: 1, count: 2 } } },
    ]);
  });
});

describe('a full command stream', () => {
  it('refuses what no longer fits, says so to the publisher, drops nothing, and takes more once there is room', async () => {
    await freshStreams(nc, { ...TEST_TOPOLOGY, commandsMaxBytes: 65_536 });
    const publisher = await createCommandPublisher(nc, TEST_TOPOLOGY.partitions);
    const request = aRequest({
      editor: editorIn(1),
      payload: scriptPayload('Assets/N.cs', 'x'.repeat(20_000)),
    });
    const kinds: string[] = [];
    for (let n = 0; n < 5; n++) kinds.push((await publisher.publish(1, [request], `m${n}`)).kind);
    expect(kinds).toEqual(['stored', 'stored', 'stored', 'full', 'full']);
    const raw = jetstream(nc).publish(subjectOf('left'), 'x'.repeat(20_000));
    await expect(raw).rejects.toEqual(apiError(10_077));
    expect(await messagesOf(STREAMS.commands)).toBe(3);
    await (await jetstreamManager(nc)).streams.purge(STREAMS.commands, { keep: 1 });
    expect((await publisher.publish(1, [request], 'm9')).kind).toBe('stored');
    await freshStreams(nc);
  });
});
