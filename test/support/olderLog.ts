import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import type { LoggedEvent } from '../../src/events/event.js';
import { decodeLogMessage } from '../../src/events/log.js';
import type { LogMessage, LogSource } from '../../src/projections/ports.js';

type Row = Readonly<Record<string, unknown>>;

/** What an earlier build of SPARK wrote, and what its own read models said of it (test/fixtures/logs/README.md). */
export interface OlderLog {
  readonly source: LogSource;
  readonly messages: readonly LogMessage[];
  readonly events: readonly LoggedEvent[];
  /** The events as they lie there. */
  readonly stored: readonly Row[];
  readonly tables: Readonly<Record<string, readonly Row[]>>;
  readonly images: ReadonlyMap<string, Uint8Array>;
}

const FOLDER = new URL('../fixtures/logs/', import.meta.url);
const textOf = (file: string): string => readFileSync(fileURLToPath(new URL(file, FOLDER)), 'utf8');

/** The log of a build, by its commit. */
export function olderLog(commit: string): OlderLog {
  const [head = '', ...lines] = textOf(`${commit}.log.jsonl`).trimEnd().split('\n');
  const { created } = JSON.parse(head) as { created: string };
  const messages = lines.map((line): LogMessage => {
    const { seq, data, ...place } = JSON.parse(line) as {
      seq: number;
      tsMs: number;
      partition: number;
      data: string;
    };
    return { ...place, streamSeq: seq, data: Buffer.from(data) };
  });
  const tables: Record<string, Row[]> = {};
  for (const line of textOf(`${commit}.tables.jsonl`).trimEnd().split('\n')) {
    const [table, row] = JSON.parse(line) as [string, Row];
    tables[table] = [...(tables[table] ?? []), row];
  }
  return {
    messages,
    tables,
    source: sourceOf(created, messages),
    events: messages.flatMap(({ data, streamSeq, tsMs, partition }) =>
      decodeLogMessage(data, streamSeq, tsMs, partition),
    ),
    stored: messages.flatMap(
      ({ data }) => (JSON.parse(Buffer.from(data).toString()) as { events: Row[] }).events,
    ),
    images: new Map(
      (tables['images'] ?? []).map((row) => [
        String(row['sha256']),
        inflateRawSync(Buffer.from(String(row['data']), 'base64')),
      ]),
    ),
  };
}

function sourceOf(created: string, messages: readonly LogMessage[]): LogSource {
  return {
    created: async () => created,
    firstStreamSeq: async () => messages[0]?.streamSeq ?? 1,
    lastStreamSeq: async () => messages.at(-1)?.streamSeq ?? 0,
    read: async function* read(afterStreamSeq, signal) {
      for (const message of messages) if (message.streamSeq > afterStreamSeq) yield message;
      if (!signal.aborted)
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
    },
  };
}
