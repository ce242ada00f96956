const LF = 10;
const CR = 13;

/**
 * Reads a Server-Sent Events stream chunk by chunk, wherever the chunks are cut (inside a character, between CR and LF) and
 * hands each event's data to `onData`. Works on bytes and decodes whole lines only, so its cost is linear however large a line.
 */
export class SseParser {
  private readonly onData: (data: string) => void;
  private line: Buffer[] = [];
  private data: string[] = [];
  private skipLf = false;

  constructor(onData: (data: string) => void) {
    this.onData = onData;
  }

  feed(chunk: Buffer): void {
    let from = 0;
    if (this.skipLf && chunk.length > 0) {
      this.skipLf = false;
      if (chunk[0] === LF) from = 1;
    }
    for (let end = nextLineEnd(chunk, from); end >= 0; end = nextLineEnd(chunk, from)) {
      this.endLine(chunk.subarray(from, end));
      from = end + 1;
      if (chunk[end] !== CR) continue;
      if (from === chunk.length) this.skipLf = true;
      else if (chunk[from] === LF) from += 1;
    }
    if (from < chunk.length) this.line.push(chunk.subarray(from));
  }

  /** The stream is over: an event whose closing blank line is missing still counts, a server that ends so has said it all. */
  end(): void {
    if (this.line.length > 0) this.endLine(Buffer.alloc(0));
    if (this.data.length > 0) this.endLine(Buffer.alloc(0));
  }

  private endLine(rest: Buffer): void {
    const bytes = this.line.length === 0 ? rest : Buffer.concat([...this.line, rest]);
    if (this.line.length > 0) this.line = [];
    if (bytes.length === 0) {
      if (this.data.length === 0) return;
      const data = this.data.length === 1 ? (this.data[0] ?? '') : this.data.join('\n');
      this.data = [];
      this.onData(data);
      return;
    }
    // "data:" or "data": every other field (event, id, retry, comments) carries nothing that a JSON-RPC answer needs.
    if (bytes[0] !== 0x64 || bytes.toString('latin1', 0, 4) !== 'data') return;
    if (bytes.length === 4) this.data.push('');
    else if (bytes[4] === 0x3a) this.data.push(bytes.toString('utf8', bytes[5] === 0x20 ? 6 : 5));
  }
}

/** The next CR or LF. Two native searches beat a loop over bytes; CR is rare, so it is looked for before the LF only. */
function nextLineEnd(chunk: Buffer, from: number): number {
  const lf = chunk.indexOf(LF, from);
  const cr = (lf < 0 ? chunk : chunk.subarray(0, lf)).indexOf(CR, from);
  return cr >= 0 ? cr : lf;
}
