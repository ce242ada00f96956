import { Presets, SingleBar } from 'cli-progress';
import type { CliHost } from './host.js';

/** Below this a file is gone before anybody could read how far it is. */
const WORTH_SHOWING_BYTES = 1024 * 1024;

export interface ByteBar {
  update(sentBytes: number): void;
  stop(): void;
}

/** How much of a file has been sent: on a terminal a bar drawn in place; nothing elsewhere, with --json, or for a small file. */
export function byteBar(host: CliHost, quiet: boolean, totalBytes: number): ByteBar {
  if (quiet || !host.terminal || totalBytes < WORTH_SHOWING_BYTES)
    return { update: () => undefined, stop: () => undefined };
  const format = 'sent {percentage}% | {bar} | {duration_formatted}';
  const bar = new SingleBar(
    { format, stream: process.stderr, clearOnComplete: true },
    Presets.shades_classic,
  );
  bar.start(totalBytes, 0);
  return { update: (sentBytes) => bar.update(sentBytes), stop: () => bar.stop() };
}
