/** A request that cannot be served, as the client is told: HTTP status, stable code, text for people. */
export class ServiceError extends Error {
  readonly status: number;
  readonly code: string;
  /** Seconds; with 429 and 503: when to come back. */
  readonly retryAfterSeconds: number | undefined;

  constructor(status: number, code: string, message: string, retryAfterSeconds?: number) {
    super(message);
    this.name = 'ServiceError';
    this.status = status;
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
