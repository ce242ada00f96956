import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { LIMITS } from '../commands/limits.js';
import { pause } from '../core/clock.js';
import { type Api, problemOf } from './api.js';
import type { ConnectionOptions } from './connection.js';
import { ApiError, InterruptedError, UnexpectedReplyError, UsageError } from './errors.js';
import { EXIT } from './exitCodes.js';
import type { CliHost } from './host.js';
import { progressBar } from './progressBar.js';
import { parseJson } from './readInput.js';
import { submitReply } from './replies.js';
import { paint, printable } from './text.js';

const BATCH_ITEMS = Math.min(500, LIMITS.batchItems);
/** Room for brackets and commas below the limit of one request. */
const BATCH_BYTES = LIMITS.rawRequestBytes - 10_000;
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 5_000;
const MAX_TRIES_WITHOUT_PROGRESS = 20;
const REFUSALS_SHOWN = 20;

interface FileOptions extends ConnectionOptions {
  readonly file: string;
  readonly session?: string;
  readonly editor?: string;
  readonly key?: string;
  readonly actor?: string;
}

interface Item {
  /** 1-based line of the file. */
  readonly line: number;
  readonly request: Record<string, unknown>;
  readonly bytes: number;
}

interface Tally {
  accepted: number;
  duplicate: number;
  refused: { line: number; code: string; message: string }[];
}

/**
 * Submits every line of an NDJSON file in order. Each line has a key (its own, `<key>-<line>`, or one made here), so a batch
 * sent again after a lost answer, a 429 or a 503 stores nothing twice. Refused lines are told and do not stop the rest.
 */
export async function submitFile(api: Api, host: CliHost, options: FileOptions): Promise<number> {
  const tally: Tally = { accepted: 0, duplicate: 0, refused: [] };
  const bar = progressBar(host, options.json === true);
  try {
    for await (const batch of batchesOf(await openInput(options.file, host), options)) {
      await submitBatch(api, host, batch, tally);
      bar.update(tally.accepted + tally.duplicate + tally.refused.length, tally.refused.length);
    }
  } finally {
    bar.stop();
  }
  report(host, options, tally);
  return tally.refused.length === 0 ? EXIT.ok : EXIT.failed;
}

async function openInput(file: string, host: CliHost): Promise<Readable> {
  if (file === '-') return host.stdin;
  const stream = createReadStream(file);
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', (cause) => reject(new UsageError(`${file} cannot be read`, { cause })));
  });
  return stream;
}

async function* batchesOf(input: Readable, options: FileOptions): AsyncGenerator<Item[]> {
  const run = options.key ?? randomUUID();
  let batch: Item[] = [];
  let bytes = 0;
  let line = 0;
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1;
    if (text.trim() === '') continue;
    const item = itemOf(text, line, run, options);
    if (batch.length === BATCH_ITEMS || (batch.length > 0 && bytes + item.bytes > BATCH_BYTES)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(item);
    bytes += item.bytes;
  }
  if (batch.length > 0) yield batch;
}

function itemOf(text: string, line: number, run: string, options: FileOptions): Item {
  const parsed = parseJson(text, `line ${line}`);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new UsageError(`line ${line} is not a JSON object`);
  const request = {
    ...(options.session === undefined ? {} : { sessionId: options.session }),
    ...(options.editor === undefined ? {} : { editor: options.editor }),
    ...(options.actor === undefined ? {} : { actor: options.actor }),
    idempotencyKey: `${run}-${line}`,
    ...parsed,
  };
  return { line, request, bytes: Buffer.byteLength(JSON.stringify(request), 'utf8') + 1 };
}

/** Sends a batch until every item has its answer, waiting as the server asks; order among what is sent again is kept. */
async function submitBatch(api: Api, host: CliHost, batch: readonly Item[], tally: Tally): Promise<void> {
  let open = batch;
  let retryMs = FIRST_RETRY_MS;
  let fruitless = 0;
  while (open.length > 0) {
    const { again, retryAfterMs } = await sendOnce(api, open, tally);
    fruitless = again.length < open.length ? 0 : fruitless + 1;
    open = again;
    if (open.length === 0) return;
    if (fruitless >= MAX_TRIES_WITHOUT_PROGRESS)
      throw new ApiError(`line ${open[0]?.line ?? 0} and all after it were not accepted`, {
        code: 'saturated',
        status: 429,
        hint: 'Run it again later with the same --key: what was accepted is not stored twice.',
      });
    await pause(host.clock, retryAfterMs ?? retryMs, host.interrupted);
    if (host.interrupted.aborted) throw new InterruptedError('interrupted; what was accepted goes on');
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
  }
}

async function sendOnce(
  api: Api,
  items: readonly Item[],
  tally: Tally,
): Promise<{ again: readonly Item[]; retryAfterMs: number | undefined }> {
  const reply = await api.ask({
    method: 'POST',
    path: '/v1/commands',
    body: items.map((item) => item.request),
  });
  if (reply.status === 429 || reply.status === 503)
    return { again: items, retryAfterMs: problemOf(reply).retryAfterMs };
  if (reply.status < 200 || reply.status > 299) throw problemOf(reply);
  const results: unknown = reply.body;
  if (!Array.isArray(results) || results.length !== items.length)
    throw new UnexpectedReplyError('the answer to a batch is not one result per item');
  const again: Item[] = [];
  let retryAfterMs: number | undefined;
  for (const [index, item] of items.entries()) {
    const accepted = submitReply.safeParse(results[index]);
    if (accepted.success) {
      if (accepted.data.duplicate) tally.duplicate += 1;
      else tally.accepted += 1;
      continue;
    }
    const status = Number((results[index] as { status?: unknown } | null)?.status ?? 422);
    const problem = problemOf({ status, headers: new Headers(), body: results[index] });
    if (status === 429 || status === 503) {
      again.push(item);
      retryAfterMs = problem.retryAfterMs ?? retryAfterMs;
    } else tally.refused.push({ line: item.line, code: problem.code, message: problem.message });
  }
  return { again, retryAfterMs };
}

function report(host: CliHost, options: FileOptions, tally: Tally): void {
  if (options.json) {
    host.out(`${JSON.stringify(tally)}\n`);
    return;
  }
  host.out(`${tally.accepted} accepted, ${tally.duplicate} known before, ${tally.refused.length} refused\n`);
  for (const refusal of tally.refused.slice(0, REFUSALS_SHOWN))
    host.err(
      `${paint(host, 'red', `line ${refusal.line}`)}: ${printable(refusal.code)}: ${printable(refusal.message)}\n`,
    );
  const more = tally.refused.length - REFUSALS_SHOWN;
  if (more > 0) host.err(`… and ${more} more; --json tells them all\n`);
}
