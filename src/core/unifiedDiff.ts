import { createTwoFilesPatch } from 'diff';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const DIFF_TIMEOUT_MS = 1_000;

/** A unified diff of one file; null: absent, which stands as /dev/null. What is not text is only named. */
export function unifiedDiff(path: string, before: Uint8Array | null, after: Uint8Array | null): string {
  const [from, to] = [before, after].map((bytes) => (bytes === null ? '' : textOf(bytes)));
  if (from === undefined || to === undefined) return `Binary file ${path} differs\n`;
  const patch = createTwoFilesPatch(
    before ? `a/${path}` : '/dev/null',
    after ? `b/${path}` : '/dev/null',
    from,
    to,
    '',
    '',
    // Two large files that have nothing in common would take minutes.
    { context: 3, timeout: DIFF_TIMEOUT_MS },
  );
  return patch ?? `Files a/${path} and b/${path} differ too much to be shown\n`;
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}
