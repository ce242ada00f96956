import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CopyBuffer } from '../../src/postgres/copyBuffer.js';
import { classifyPostgresError } from '../../src/postgres/errors.js';
import { jsonbText } from '../../src/postgres/jsonText.js';
import { pendingOf } from '../../src/postgres/migrate.js';
import { scramVerifier } from '../../src/postgres/scram.js';

/** What follows the 19-byte header. */
const body = (write: (out: CopyBuffer) => void): Buffer => {
  const out = new CopyBuffer();
  write(out);
  return Buffer.concat(out.finish()).subarray(19, -2);
};

describe('binary COPY', () => {
  it('given any rows and any choice among them, then a split gives the bytes that writing each half alone gives', () => {
    const rows = fc.array(fc.record({ text: fc.string({ maxLength: 300 }), first: fc.boolean() }));
    fc.assert(
      fc.property(rows, (all) => {
        const write = (some: readonly { readonly text: string }[]): CopyBuffer => {
          const out = new CopyBuffer();
          for (const { text } of some) {
            out.row(1);
            out.text(text);
          }
          return out;
        };
        const halves = write(all).split((row) => all[row]?.first === true);
        const expected = [all.filter(({ first }) => first), all.filter(({ first }) => !first)].map(write);
        expect(halves.map((half) => half.rows)).toEqual(expected.map((half) => half.rows));
        expect(halves.map((half) => Buffer.concat(half.finish()))).toEqual(
          expected.map((half) => Buffer.concat(half.finish())),
        );
      }),
    );
  });

  it('given rows of any length, then they are sent as if they had been written in one piece', () => {
    const lengths = fc.array(fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(1_300_000)), { maxLength: 25 });
    const text = (row: number, length: number): string => String.fromCharCode(97 + (row % 26)).repeat(length);
    fc.assert(
      fc.property(lengths, (all) => {
        const out = new CopyBuffer();
        const expected: Buffer[] = [];
        for (const [row, length] of all.entries()) {
          out.row(2);
          out.int2(row);
          out.text(text(row, length));
          const head = Buffer.from([0, 2, 0, 0, 0, 2, 0, row, 0, 0, 0, 0]);
          head.writeInt32BE(length, 8);
          expected.push(head, Buffer.from(text(row, length)));
        }
        const [even, odd] = out.split((row) => row % 2 === 0);
        const sent = (rows: CopyBuffer): Buffer => Buffer.concat(rows.finish()).subarray(19, -2);
        const rowsOf = (which: number): Buffer[] => expected.filter((_, i) => (i >> 1) % 2 === which);
        expect(sent(out).equals(Buffer.concat(expected))).toBe(true);
        expect(sent(even).equals(Buffer.concat(rowsOf(0)))).toBe(true);
        expect(sent(odd).equals(Buffer.concat(rowsOf(1)))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('given any UUID, then its 16 bytes', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(
          body((out) => out.uuid(id))
            .subarray(4)
            .toString('hex'),
        ).toBe(id.replaceAll('-', ''));
      }),
    );
  });

  it('given any integer a number can hold, then its 8 bytes', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => {
        expect(body((out) => out.int8(n)).readBigInt64BE(4)).toBe(BigInt(n));
      }),
    );
  });

  it('given any text, then its UTF-8 and its length, however much the buffer has to grow', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.nat(40_000), (text, padding) => {
        const long = text.replaceAll('\0', '') + 'ä'.repeat(padding);
        const bytes = body((out) => out.text(long));
        expect(bytes.readInt32BE(0)).toBe(Buffer.byteLength(long));
        expect(bytes.subarray(4).toString()).toBe(long);
      }),
      { numRuns: 30 },
    );
  });

  it('given pieces of a JSON text, then the object they make, as if it were written', () => {
    const pieces = fc.array(
      fc.tuple(fc.string({ maxLength: 90 }), fc.string({ unit: 'grapheme', maxLength: 90 })),
    );
    fc.assert(
      fc.property(pieces, (all) => {
        const members = all.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
        const text = Buffer.from(members.join('----'));
        const bounds: number[] = [];
        for (const member of members) {
          const from = bounds.length === 0 ? 0 : (bounds.at(-1) ?? 0) + 4;
          bounds.push(from, from + Buffer.byteLength(member));
        }
        const object = `{${members.join(',')}}`;
        expect(body((out) => out.jsonObject({ bytes: text, bounds }))).toEqual(
          body((out) => out.text(object)),
        );
        const whole = { bytes: Buffer.from(`?${object}!`), bounds: [1, 1 + Buffer.byteLength(object)] };
        expect(body((out) => out.jsonbValue(whole))).toEqual(body((out) => out.jsonb(object)));
      }),
    );
  });

  it('given a moment, then microseconds since 2000', () => {
    const at = (ms: number) => body((out) => out.timestamptz(ms)).readBigInt64BE(4);
    expect([
      at(Date.UTC(2000, 0, 1)),
      at(Date.UTC(1999, 11, 31, 23, 59, 59, 999)),
      at(946_684_800_000.25),
    ]).toEqual([0n, -1_000n, 250n]);
  });

  it.each([
    ['a UUID without dashes', (out: CopyBuffer) => out.uuid('0'.repeat(36))],
    [
      'a UUID with another sign for a dash',
      (out: CopyBuffer) => out.uuid('00000000-0000-0000_0000-000000000000'),
    ],
    ['a UUID with an ä', (out: CopyBuffer) => out.uuid('ä0000000-0000-0000-0000-000000000000')],
    ['a UUID with a wrong digit', (out: CopyBuffer) => out.uuid('0000000g-0000-0000-0000-000000000000')],
    ['half a number', (out: CopyBuffer) => out.int4(1.5)],
    ['too large a number', (out: CopyBuffer) => out.int2(40_000)],
    ['no time', (out: CopyBuffer) => out.timestamptz(Number.NaN)],
    ['a number for a text', (out: CopyBuffer) => out.text(7 as unknown as string)],
  ])('refuses %s', (_, write) => {
    expect(() => write(new CopyBuffer())).toThrowError(expect.objectContaining({ code: 'unencodable' }));
  });
});

describe('JSON for jsonb', () => {
  it('replaces what Postgres refuses, in keys too, and leaves the rest as it is', () => {
    expect(jsonbText({ 'a\0': ['\ud800', 'ok \u001b', '\\u0000 written out', { deep: '😀\udc00' }] })).toBe(
      JSON.stringify({ 'a\ufffd': ['\ufffd', 'ok \u001b', '\\u0000 written out', { deep: '😀\ufffd' }] }),
    );
    expect(jsonbText({ keep: [1, null, true, '😀'] })).toBe('{"keep":[1,null,true,"😀"]}');
    expect(jsonbText(undefined)).toBe('null');
  });
});

describe('errors of Postgres', () => {
  it.each([
    ['22P02', 'data'],
    ['54000', 'data'],
    ['23502', 'data'],
    ['23505', 'other'],
    ['42P01', 'other'],
    ['57P01', 'unavailable'],
    ['40P01', 'unavailable'],
    ['53100', 'unavailable'],
    ['ECONNREFUSED', 'unavailable'],
    [undefined, 'unavailable'],
  ])('%s is %s', (code, kind) => {
    expect(classifyPostgresError(Object.assign(new Error('x'), { code }))).toBe(kind);
  });
});

describe('migrations', () => {
  const file = (name: string, checksum = name) => ({ name, sql: '', checksum });
  it('given some applied, then the rest is pending, in order', () => {
    const pending = pendingOf([file('0001_a'), file('0002_b')], new Map([['0001_a', '0001_a']]));
    expect(pending.map(({ name }) => name)).toEqual(['0002_b']);
  });
  it('refuses changed and unknown ones', () => {
    expect(() => pendingOf([file('0001_a')], new Map([['0001_a', 'x']]))).toThrowError(/restore the file/);
    expect(() => pendingOf([], new Map([['0001_a', 'x']]))).toThrowError(/does not know/);
  });
});

it('a SCRAM verifier is the one Postgres would make (RFC 7677, its example)', () => {
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  expect(scramVerifier('pencil', salt)).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});
