/** Every limit of the HTTP side that is no guardrail of a command (those are in commands/limits.ts). */
export const HTTP_LIMITS = {
  preferWaitDefaultSeconds: 10,
  preferWaitMaxSeconds: 60,
  /** How long an answer to a refused upload stays open, and how much is thrown away, so that the client can read it. */
  lingerMs: 2_000,
  lingerBytes: 16_000_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 72_000,
  readinessCheckTimeoutMs: 2_000,
  /** `/readyz` is open and its checks cost something: answers are shared for this long. */
  readinessCacheMs: 500,
  recentAccepts: 50_000,
  listDefault: 50,
  listMax: 500,
  /** How long the undo log waits to show what has just happened; usually one projection lag, 20 to 60 ms. */
  listCatchUpMs: 500,
  requestIdChars: 128,
  sseHeartbeatMs: 15_000,
  sseClientBufferBytes: 1_000_000,
  /** Live events held per client while its history is being read. */
  sseWaitingEvents: 10_000,
  sseHistoryPage: 500,
  sseHistoryWaitMs: 5_000,
  sseRetryMs: 1_000,
  sseClients: 20_000,
} as const;
