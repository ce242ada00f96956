/** Where posted files wait until a command takes them in; src/streams serves it, the role joins the two. */
export interface UploadStore {
  /** Stores a content once, under its sha-256 (64 lower-case hex digits). Resolves when it is durable; never rejects. */
  put(sha256: string, bytes: Uint8Array): Promise<UploadPut>;
}

export type UploadPut =
  | { readonly kind: 'stored' }
  /** Its size limit is reached: what is there expires with time. */
  | { readonly kind: 'full' }
  | { readonly kind: 'unavailable'; readonly reason: string };

/** Says which rate limit stands against one more upload of a token, `undefined` when none does: then it is counted. */
export type AdmitUpload = (credential: string) => UploadRefusal | undefined;

export interface UploadRefusal {
  readonly limit: string;
  readonly count: number;
  readonly windowSeconds: number;
  readonly retryAfterMs: number;
}
