/**
 * Base of every error SPARK throws on purpose. Match on `code`, never on text: codes are stable, messages are for people.
 * `fields` carries what a machine may want to know (limits, positions), `cause` what led here.
 */
export abstract class SparkError extends Error {
  abstract readonly code: string;
  readonly fields: Readonly<Record<string, unknown>>;

  constructor(message: string, options: { fields?: Record<string, unknown>; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.fields = options.fields ?? {};
  }
}

/** The text of anything thrown, for logs and for people. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stable code of anything thrown: ours (`SparkError.code`) or Node's (`ECONNREFUSED`, …); undefined when there is none. */
export function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** Ends every switch over a union: the compiler proves it is never reached. */
export function assertNever(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
