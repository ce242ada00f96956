/** Every limit of the HTTP side that is no guardrail of a command (those are in commands/limits.ts). */
export const HTTP_LIMITS = {
  preferWaitDefaultSeconds: 10,
  preferWaitMaxSeconds: 60,
  /** How long an answer to a refused upload stays open, and how much is thrown away, so that the client can read it. */
  lingerMs: 2_000,
  lingerBytes: 16_000_000,
  /** Bytes of uploads in memory at once, counted as they come: four of the largest, or many small ones. */
  uploadsHeldBytes: 4 * 50 * 1024 * 1024,
  uploadsAtOnce: 32,
  uploadsFullRetryMs: 60_000,
  /** A body that holds memory must move: so many bytes within each window, 16 KB/s. */
  paceWindowMs: 10_000,
  paceWindowBytes: 160_000,
  headersTimeoutMs: 10_000,
  /** Long enough for a large upload over a slow line; headers have a shorter one of their own. */
  requestTimeoutMs: 300_000,
  keepAliveTimeoutMs: 72_000,
  readinessCheckTimeoutMs: 2_000,
  /** `/readyz` is open and its checks cost something: answers are shared for this long. */
  readinessCacheMs: 500,
  recentAccepts: 50_000,
  /** An export and its import: images as base64 beside the operations. */
  exportImageBytes: 50 * 1_024 * 1_024,
  importBodyBytes: 72 * 1_024 * 1_024,
  /** Imports and exports under way, from their first byte to the last of the answer. */
  importsAtOnce: 2,
  exportChunkBytes: 64 * 1_024,
  /** What the command of an import may come to: it travels and is recorded like any other. */
  importCommandBytes: 700_000,
  diffChars: 256 * 1_024,
  listDefault: 50,
  listMax: 500,
  /** How long the undo log waits to show what has just happened; usually one projection lag, 20 to 60 ms. */
  listCatchUpMs: 500,
  /** How long a read waits for the place that `Spark-Read-After` names. */
  readAfterMs: 2_000,
  requestIdChars: 128,
  /** A paced redrive is one request: so many letters at most, and no longer than a load balancer keeps a connection. */
  redriveBatch: 1_000,
  redrivePerSecondDefault: 10,
  redrivePerSecondMax: 500,
  redriveMaxSeconds: 600,
  sseHeartbeatMs: 15_000,
  sseClientBufferBytes: 1_000_000,
  /** Live events held per client while its history is being read. */
  sseWaitingEvents: 10_000,
  sseHistoryPage: 500,
  sseHistoryWaitMs: 5_000,
  sseRetryMs: 1_000,
  sseClients: 20_000,
} as const;
