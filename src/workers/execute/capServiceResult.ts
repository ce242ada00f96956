/** What a service's answer may take up in an event. */
export const SERVICE_RESULT_BYTES = 256 * 1024;
/** Room for the members beside the text: labels, numbers, names. */
const REST_BYTES = 16 * 1024;

type Result = Readonly<Record<string, unknown>>;

/**
 * An answer made fit for the log. Over the limit, details go first (words, then pages and segments), then the end of the text; `cut`
 * names what is missing. Pure.
 */
export function capServiceResult(result: Result): Result {
  if (bytesOf(result) <= SERVICE_RESULT_BYTES) return result;
  const cut: string[] = [];
  let capped: Result = result;
  for (const [name, without] of DETAILS) {
    const next = without(capped);
    if (next === capped) continue;
    capped = next;
    cut.push(name);
    if (bytesOf(capped) <= SERVICE_RESULT_BYTES - REST_BYTES) return { ...capped, cut };
  }
  const { text } = capped;
  if (typeof text !== 'string') return { cut: [...cut, 'everything: the answer was too large'] };
  return { ...capped, text: headOf(text, SERVICE_RESULT_BYTES - REST_BYTES), cut: [...cut, 'text'] };
}

const DETAILS: readonly (readonly [string, (result: Result) => Result])[] = [
  ['words', withoutWords],
  ['pages', (result) => without(result, 'pages')],
  ['segments', (result) => without(result, 'segments')],
];

function withoutWords(result: Result): Result {
  const { pages } = result;
  if (!Array.isArray(pages) || !pages.some((page: object) => 'words' in page)) return result;
  return { ...result, pages: pages.map((page: Result) => without(page, 'words')) };
}

function without(result: Result, name: string): Result {
  if (!(name in result)) return result;
  return Object.fromEntries(Object.entries(result).filter(([member]) => member !== name));
}

/** The beginning of a text that takes at most so many bytes as JSON. */
function headOf(text: string, maxBytes: number): string {
  let chars = Math.min(text.length, maxBytes);
  while (bytesOf(text.slice(0, chars)) > maxBytes) chars = Math.floor(chars * 0.9);
  return text.slice(0, chars).replace(/[\ud800-\udbff]$/, '');
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value), 'utf8');
