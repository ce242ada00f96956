/** The guardrails of every command in one place (product.md section 1). KB means 1,024 bytes, MB 1,024 KB. */
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
  assetBytes: 10 * 1024 * 1024,
  /** An image of a few KB may unfold to gigabytes in the editor: what its header claims is capped. */
  imagePixels: 64 * 1024 * 1024,
  uploadBytes: 50 * 1024 * 1024,
  buildScenes: 100,
  toolNameChars: 128,
  toolArgumentBytes: 200 * 1024,
  cvBytes: 10 * 1024 * 1024,
  cvPages: 10,
  cvLabels: 100,
  cvTextChars: 2_000,
  asrBytes: 50 * 1024 * 1024,
  asrSeconds: 15 * 60,
  importOperations: 500,
  /** Leaves room for the longest path inside a preset. */
  presetFolderBytes: 400,
} as const;
