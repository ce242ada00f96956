/** Anything long-lived: both calls are idempotent, `stop` waits until the last of it is gone. */
export interface Service {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
}
