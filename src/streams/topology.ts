import {
  AckPolicy,
  type ConsumerConfig,
  DiscardPolicy,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from 'nats';
import { SUBJECTS } from './subjects.js';

/** The object store of posted files; its stream's name and subjects follow the convention of all NATS clients. */
export const UPLOAD_BUCKET = 'spark-uploads';

/** Names of the streams, as operators see them. */
export const STREAMS = {
  commands: 'SPARK_COMMANDS',
  log: 'SPARK_LOG',
  images: 'SPARK_IMAGES',
  parked: 'SPARK_PARKED',
  telemetry: 'SPARK_TELEMETRY',
  deadLetters: 'SPARK_DLQ',
  deadLetterActions: 'SPARK_DLQ_ACTIONS',
  advisories: 'SPARK_ADVISORIES',
  canary: 'SPARK_CANARY',
  uploads: `OBJ_${UPLOAD_BUCKET}`,
  /** The stream behind the key-value bucket of the same name. */
  editors: 'KV_spark-editors',
  cancels: 'KV_spark-cancels',
  workers: 'KV_spark-workers',
} as const;

export const EDITORS_BUCKET = 'spark-editors';
export const CANCELS_BUCKET = 'spark-cancels';
export const WORKERS_BUCKET = 'spark-workers';

/** More than one: what somebody makes the server write over an entry (docs/adr/0014) must not be all that is left of it. */
const EDITOR_REVISIONS = 10;
const CANCEL_REVISIONS = 5;
const WORKER_REVISIONS = 5;
/** A worker that says nothing for this long is long forgotten by the others. */
const WORKER_WORD_AGE_MS = 3_600_000;

export interface TopologyLimits {
  readonly partitions: number;
  readonly replicas: number;
  /** The last line of the command stream; the backlog limit is counted (product.md section 3). */
  readonly commandsMaxBytes: number;
  readonly duplicateWindowMs: number;
  readonly deadLetterMaxAgeMs: number;
  readonly telemetryPerSubject: number;
  /** All uploads together: they come from outside, and must not fill the disk. */
  readonly uploadsMaxBytes: number;
  readonly uploadTtlMs: number;
  /** A wish to cancel holds as long as an idempotency key. */
  readonly cancelTtlMs: number;
  /** Messages a worker may hold unacknowledged, of one partition or of all together. */
  readonly maxAckPending: number;
}

const DAY_MS = 86_400_000;

/** The streams as data: provisioned idempotently, compared for drift (provision.ts). Reasons per setting: design notes, nats.md. */
export function streamConfigs(limits: TopologyLimits): Partial<StreamConfig & { name: string }>[] {
  return [
    commandsStream(limits),
    logStream(limits),
    imagesStream(limits),
    parkedStream(limits),
    telemetryStream(limits),
    deadLettersStream(limits),
    deadLetterActionsStream(limits),
    advisoriesStream(limits),
    canaryStream(limits),
    uploadsStream(limits),
    editorsStream(limits),
    cancelsStream(limits),
    workersStream(limits),
  ];
}

type Config = Partial<StreamConfig & { name: string }>;

const durable = ({ replicas }: TopologyLimits): Config => ({
  storage: StorageType.File,
  num_replicas: replicas,
  retention: RetentionPolicy.Limits,
});

const commandsStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.commands,
  description: 'Commands as accepted: a PubAck from here is the acceptance',
  subjects: [SUBJECTS.commands, `${SUBJECTS.envelopes}.*`],
  // Well-formed subjects get their partition; what does not fit keeps its subject and is refused by the worker that reads it.
  subject_transform: {
    src: 'spark.commands.*.*.*.*',
    dest: `${SUBJECTS.partitioned}.{{partition(${limits.partitions},1)}}.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}.{{wildcard(4)}}`,
  },
  // Refused when full, never dropped. Limits retention, not work queue: after kill -9 the duplicate window must remember acked ids.
  discard: DiscardPolicy.New,
  max_bytes: limits.commandsMaxBytes,
  duplicate_window: nanos(limits.duplicateWindowMs),
  allow_atomic: true,
  allow_direct: true,
});

const logStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.log,
  description: 'Events: the source of truth, one subject a partition, appended with an expected sequence',
  subjects: [`${SUBJECTS.log}.*`],
  discard: DiscardPolicy.New,
  deny_delete: true,
  deny_purge: true,
  allow_direct: true,
  duplicate_window: nanos(limits.duplicateWindowMs),
});

const imagesStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.images,
  description: 'Before and after images and frames by sha-256, once each',
  subjects: [`${SUBJECTS.images}.>`],
  // A second publish of the same content is refused by the server, so each version is stored once.
  discard: DiscardPolicy.New,
  discard_new_per_subject: true,
  max_msgs_per_subject: 1,
  allow_direct: true,
});

const parkedStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.parked,
  description: 'Commands of editors that are away or slow, out of the way of the others, in order',
  subjects: [`${SUBJECTS.parked}.*`],
  discard: DiscardPolicy.New,
  allow_direct: true,
  duplicate_window: nanos(limits.duplicateWindowMs),
});

/** Written by `/readyz` to prove that the disk takes writes; a stream of its own, so that it says nothing about others' limits. */
const canaryStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.canary,
  description: 'Proof that storing works',
  subjects: ['spark.canary'],
  discard: DiscardPolicy.Old,
  max_msgs: 1,
});

/** As a client of the key-value store expects its bucket; the newest entries of each editor. */
const editorsStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.editors,
  description: 'The editors registry: what is registered and what is paused',
  subjects: [`$KV.${EDITORS_BUCKET}.>`],
  discard: DiscardPolicy.New,
  max_msgs_per_subject: EDITOR_REVISIONS,
  max_msg_size: 64 * 1024,
  max_bytes: 256 * 1024 * 1024,
  allow_rollup_hdrs: true,
  allow_direct: true,
});

/** As a client of the key-value store expects its bucket; by command id. */
const cancelsStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.cancels,
  description: 'Wishes to cancel a command, until its key is forgotten',
  subjects: [`$KV.${CANCELS_BUCKET}.>`],
  discard: DiscardPolicy.New,
  max_msgs_per_subject: CANCEL_REVISIONS,
  max_msg_size: 8 * 1024,
  max_age: nanos(limits.cancelTtlMs),
  max_bytes: 256 * 1024 * 1024,
  allow_rollup_hdrs: true,
  allow_direct: true,
});

/** As a client of the key-value store expects its bucket; each worker's word of itself, by its id. */
const workersStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.workers,
  description: 'The workers that live and what each of them owns, as they say about every second',
  subjects: [`$KV.${WORKERS_BUCKET}.>`],
  discard: DiscardPolicy.New,
  max_msgs_per_subject: WORKER_REVISIONS,
  max_msg_size: 64 * 1024,
  max_age: nanos(WORKER_WORD_AGE_MS),
  max_bytes: 64 * 1024 * 1024,
  allow_rollup_hdrs: true,
  allow_direct: true,
});

const telemetryStream = (limits: TopologyLimits): Config => ({
  name: STREAMS.telemetry,
  description: 'Preview frames and progress ticks: the newest few of each session, oldest dropped',
  subjects: ['spark.preview.unity.frame.*', 'spark.build.unity.progress.*'],
  storage: StorageType.Memory,
  retention: RetentionPolicy.Limits,
  num_replicas: 1,
  discard: DiscardPolicy.Old,
  max_msgs_per_subject: limits.telemetryPerSubject,
  max_bytes: 64 * 1024 * 1024,
  max_age: nanos(10 * 60_000),
});

const deadLettersStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.deadLetters,
  description: 'What failed for good, with its reason',
  subjects: [SUBJECTS.deadLetters],
  discard: DiscardPolicy.New,
  max_age: nanos(limits.deadLetterMaxAgeMs),
  duplicate_window: nanos(limits.duplicateWindowMs),
  allow_direct: true,
});

/** As old as the letters: an action comes after its letter, so no letter outlives what was done about it. */
const deadLetterActionsStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.deadLetterActions,
  description: 'What was done about dead letters: redriven or dropped, by whom',
  subjects: [SUBJECTS.deadLetterActions],
  discard: DiscardPolicy.New,
  max_age: nanos(limits.deadLetterMaxAgeMs),
  duplicate_window: nanos(limits.duplicateWindowMs),
  allow_direct: true,
});

const advisoriesStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.advisories,
  description: "JetStream's own word on terminated and exhausted deliveries",
  subjects: [
    `$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.${STREAMS.commands}.*`,
    `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${STREAMS.commands}.*`,
  ],
  discard: DiscardPolicy.Old,
  max_age: nanos(7 * DAY_MS),
});

/** As `@nats-io/obj` would make it, so that any NATS client can look into the bucket. */
const uploadsStream = (limits: TopologyLimits): Config => ({
  ...durable(limits),
  name: STREAMS.uploads,
  description: 'Posted files by sha-256, until they expire',
  subjects: [`$O.${UPLOAD_BUCKET}.C.>`, `$O.${UPLOAD_BUCKET}.M.>`],
  // Refused when full: what somebody has just posted must not vanish for the next one's sake.
  discard: DiscardPolicy.New,
  max_bytes: limits.uploadsMaxBytes,
  max_age: nanos(limits.uploadTtlMs),
  allow_rollup_hdrs: true,
  allow_direct: true,
});

/** What a partition's worker reads. Partition 0 also takes what kept its own subject because it fits no partition. */
export const partitionSubjects = (partition: number): string[] => [
  `${SUBJECTS.partitioned}.${partition}.>`,
  `${SUBJECTS.envelopes}.${partition}`,
  ...(partition === 0 ? [SUBJECTS.commands] : []),
];

export const workerConsumer = (partition: number): string => `worker-${partition}`;

/** One durable pull consumer a partition. */
export function workerConsumerConfig(partition: number, limits: TopologyLimits): Partial<ConsumerConfig> {
  return {
    durable_name: workerConsumer(partition),
    ack_policy: AckPolicy.Explicit,
    // Long, with heartbeats for what takes longer: a takeover resets the consumer instead of waiting for this (nats.md, fact 4).
    ack_wait: nanos(ACK_WAIT_MS),
    // Attempts are counted by the worker: a delivery is not an attempt.
    max_deliver: -1,
    // For each partition all of it: the worker's own watermark counts over all. Were it less, a flood in one partition would stop its
    // deliveries without the worker knowing, and nobody would make room for those behind it.
    max_ack_pending: limits.maxAckPending,
    filter_subjects: partitionSubjects(partition),
  };
}

export const ACK_WAIT_MS = 300_000;
