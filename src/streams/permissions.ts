import { STEP_DOWN } from './logJam.js';
import { CANCELS_BUCKET, EDITORS_BUCKET, STREAMS, UPLOAD_BUCKET, WORKERS_BUCKET } from './topology.js';

/** One NATS user a role, each with the fewest subjects it can do its work with. Inboxes are private: a role reads only its own. */
export type NatsRole = 'admin' | 'ingest' | 'worker' | 'gate' | 'projector' | 'client';

export interface NatsPermissions {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

export const inboxPrefixOf = (role: NatsRole): string => `_INBOX_spark_${role}`;
const inbox = (role: NatsRole): string[] => [`${inboxPrefixOf(role)}.>`];

const infoOf = (...streams: string[]): string[] =>
  streams.flatMap((stream) => [
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.DIRECT.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}.>`,
    // The same from the leader: what a copy that is behind has not got yet (newest.ts).
    `$JS.API.STREAM.MSG.GET.${stream}`,
  ]);
const readerOf = (...streams: string[]): string[] =>
  streams.flatMap((stream) => [
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.DELETE.${stream}.*`,
    `$JS.API.CONSUMER.INFO.${stream}.*`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
    `$JS.FC.${stream}.>`,
  ]);
/** Server 2.15 still sends v1 ack subjects; both forms are permitted (nats.md, fact 8). */
const ackOf = (stream: string): string[] => [`$JS.ACK.${stream}.>`, `$JS.ACK.*.*.${stream}.>`];
/** An object store is read through a consumer that pushes, after a look at the object's own entry. */
const uploadsReader = (): string[] => [
  ...infoOf(STREAMS.uploads),
  ...readerOf(STREAMS.uploads),
  `$JS.API.STREAM.MSG.GET.${STREAMS.uploads}`,
];
/** What lies under a hash and has another one is taken away before the right bytes are stored (imageStore.ts). */
const IMAGE_PURGE = `$JS.API.STREAM.PURGE.${STREAMS.images}`;
const LIVE = ['spark.runtime.>', 'spark.preview.>', 'spark.build.>'];

export const NATS_PERMISSIONS: Readonly<Record<NatsRole, NatsPermissions>> = {
  /** Makes the streams at start, and what a server has lost of them since; nothing else runs as it. */
  admin: { publish: ['$JS.API.>', 'spark.>', '$JS.ACK.>'], subscribe: ['>'] },
  ingest: {
    publish: [
      'spark.commands.>',
      'spark.command-envelopes.*',
      'spark.canary',
      'spark.dlq-actions',
      // An import brings the bytes of its operations along.
      'spark.images.>',
      'spark.internal.>',
      '_INBOX_spark_client.>',
      '_INBOX.>',
      '$JS.API.INFO',
      ...infoOf(STREAMS.commands, STREAMS.log, STREAMS.parked, STREAMS.images, STREAMS.editors),
      ...readerOf(STREAMS.log, STREAMS.editors),
      `$KV.${EDITORS_BUCKET}.*`,
      `$KV.${CANCELS_BUCKET}.*`,
      `$JS.API.STREAM.INFO.${STREAMS.cancels}`,
      `$JS.API.CONSUMER.INFO.${STREAMS.commands}.*`,
      `$O.${UPLOAD_BUCKET}.>`,
      ...uploadsReader(),
      // A put that fails takes its chunks back.
      `$JS.API.STREAM.PURGE.${STREAMS.uploads}`,
      IMAGE_PURGE,
    ],
    subscribe: [
      ...inbox('ingest'),
      'spark.internal.rate',
      'spark.submit.>',
      '$SRV.>',
      'spark.internal.editors-changed',
    ],
  },
  worker: {
    publish: [
      'spark.log.*',
      STEP_DOWN,
      'spark.images.>',
      'spark.parked.*',
      'spark.dlq',
      'spark.internal.>',
      ...LIVE,
      // Answers: to ingest, and to the worker beside it that asks for the owner.
      `${inboxPrefixOf('ingest')}.>`,
      ...inbox('worker'),
      '$JS.API.INFO',
      ...infoOf(STREAMS.commands, STREAMS.log, STREAMS.parked, STREAMS.images, STREAMS.editors),
      ...readerOf(STREAMS.commands, STREAMS.log, STREAMS.editors),
      ...infoOf(STREAMS.cancels, STREAMS.workers),
      ...readerOf(STREAMS.cancels, STREAMS.workers),
      `$KV.${WORKERS_BUCKET}.*`,
      `$JS.API.CONSUMER.RESET.${STREAMS.commands}.*`,
      `$JS.API.STREAM.PURGE.${STREAMS.commands}`,
      `$JS.API.STREAM.PURGE.${STREAMS.parked}`,
      IMAGE_PURGE,
      ...ackOf(STREAMS.commands),
      ...uploadsReader(),
    ],
    subscribe: [...inbox('worker'), 'spark.internal.>'],
  },
  /** Reads where registered editors are, and nothing else: its calls come over HTTP. */
  gate: {
    publish: ['$JS.API.INFO', ...infoOf(STREAMS.editors), ...readerOf(STREAMS.editors)],
    subscribe: inbox('gate'),
  },
  projector: {
    publish: [
      '$JS.API.INFO',
      ...infoOf(
        STREAMS.commands,
        STREAMS.log,
        STREAMS.images,
        STREAMS.deadLetters,
        STREAMS.deadLetterActions,
      ),
      ...readerOf(STREAMS.commands, STREAMS.log, STREAMS.deadLetters, STREAMS.deadLetterActions),
    ],
    subscribe: inbox('projector'),
  },
  /** Teams' own programs: may ask for commands, may watch everything SPARK says; may not write events or read others' inboxes. */
  client: { publish: ['spark.commands.>', 'spark.submit.>'], subscribe: ['spark.>', ...inbox('client')] },
};
