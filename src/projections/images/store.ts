import type pg from 'pg';
import type { ImageSource } from '../ports.js';
import type { Tables } from '../slots/tables.js';
import { imageGroups } from './needs.js';
import { pack } from './pack.js';
import { Remembered } from './remembered.js';

/** What one group may hold in memory. */
const GROUP_MAX_BYTES = 8 * 1_024 * 1_024;
const GROUP_MAX_IMAGES = 500;
/** Hashes remembered as stored, to spare the question: 100 bytes each. */
const REMEMBERED_MAX = 50_000;

export interface StoredImages {
  readonly stored: number;
  /** Named by an event, absent from the store they should lie in: undo of their operation cannot work. */
  readonly missing: number;
}

/**
 * Copies images into one slot's `spark_images`, ahead of the transaction that names them: they are addressed by content, so an image that
 * arrives early, twice or for nothing is harmless, and large files never pile up inside one transaction.
 */
export class ImageStore {
  readonly #pool: pg.Pool;
  readonly #source: ImageSource;
  readonly #tables: Tables;
  readonly #earlier: Tables | undefined;
  readonly #remembered = new Remembered(REMEMBERED_MAX);

  /** `earlier`: read models whose images are taken over, row by row, instead of being fetched and packed again. */
  constructor(pool: pg.Pool, source: ImageSource, tables: Tables, earlier?: Tables) {
    this.#pool = pool;
    this.#source = source;
    this.#tables = tables;
    this.#earlier = earlier;
  }

  /** Resolves when all that exist are in the table. Throws when Postgres or the source is away. */
  async ensure(needs: ReadonlyMap<string, number>): Promise<StoredImages> {
    if (!this.#tables.has('spark_images')) return { stored: 0, missing: 0 };
    const absent = await this.#absentOf([...needs].filter(([sha]) => !this.#remembered.has(sha)));
    const toFetch = this.#earlier === undefined ? absent : await this.#takeOver(this.#earlier, absent);
    let stored = absent.length - toFetch.length;
    for (const group of imageGroups(toFetch, GROUP_MAX_BYTES, GROUP_MAX_IMAGES)) {
      stored += await this.#copy(group);
    }
    return { stored, missing: absent.length - stored };
  }

  async #absentOf(needs: readonly (readonly [string, number])[]): Promise<(readonly [string, number])[]> {
    if (needs.length === 0) return [];
    const { rows } = await this.#pool.query<{ sha256: string }>(
      `SELECT sha256 FROM ${this.#tables.of('spark_images')} WHERE sha256 = ANY($1::text[])`,
      [arrayOf(needs.map(([sha]) => sha))],
    );
    for (const { sha256 } of rows) this.#remembered.add(sha256);
    const present = new Set(rows.map((row) => row.sha256));
    return needs.filter(([sha]) => !present.has(sha));
  }

  /** Answers what is not among them. Content-addressed: whoever has it, it is the same. */
  async #takeOver(
    earlier: Tables,
    absent: readonly (readonly [string, number])[],
  ): Promise<readonly (readonly [string, number])[]> {
    if (absent.length === 0) return absent;
    const { rowCount } = await this.#pool.query(
      `INSERT INTO ${this.#tables.of('spark_images')} (sha256, bytes, data)
       SELECT sha256, bytes, data FROM ${earlier.of('spark_images')} WHERE sha256 = ANY($1::text[]) ORDER BY sha256
       ON CONFLICT (sha256) DO NOTHING`,
      [arrayOf(absent.map(([sha]) => sha))],
    );
    // Nearly always all of them; only where some are missing it matters which.
    if (rowCount !== absent.length) return this.#absentOf(absent);
    for (const [sha] of absent) this.#remembered.add(sha);
    return [];
  }

  async #copy(shas: readonly string[]): Promise<number> {
    const found = [...(await this.#source.fetch(shas))].sort(([a], [b]) => (a < b ? -1 : 1));
    if (found.length === 0) return 0;
    const data = await Promise.all(found.map(([, bytes]) => pack(bytes)));
    await this.#pool.query(
      `INSERT INTO ${this.#tables.of('spark_images')} (sha256, bytes, data)
       SELECT * FROM unnest($1::text[], $2::int[], $3::bytea[]) ON CONFLICT (sha256) DO NOTHING`,
      [found.map(([sha]) => sha), found.map(([, bytes]) => bytes.length), data],
    );
    for (const [sha] of found) this.#remembered.add(sha);
    return found.length;
  }
}

const PLAIN_LIST = /^[0-9a-f]+(?:,[0-9a-f]+)*$/;

/** Hashes as Postgres reads an array of texts; the driver looks for what to escape in each of them. */
function arrayOf(shas: readonly string[]): string | readonly string[] {
  const list = shas.join(',');
  return PLAIN_LIST.test(list) ? `{${list}}` : shas;
}
