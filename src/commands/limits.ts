/** The guardrails of every command in one place (product.md section 1). KB means 1,024 bytes. */
export const LIMITS = {
  scriptBytes: 200 * 1024,
  previewDimensionPx: 4096,
  rawRequestBytes: 1_000_000,
  jsonDepth: 32,
  pathBytes: 512,
  batchItems: 1_000,
  idempotencyKeyChars: 200,
  actorChars: 200,
  patchEdits: 1_000,
} as const;
