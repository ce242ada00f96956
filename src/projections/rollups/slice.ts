import { postgresMicros } from '../../postgres/copyBuffer.js';

/** 1970 to 2000 in seconds: a multiple of an hour, so slices counted from 2000 begin where those counted from 1970 do. */
const EPOCH_2000_S = 946_684_800;

export const MINUTE_S = 60;
export const FIVE_MINUTES_S = 300;

/**
 * The slice of `widthS` seconds that an event falls into, as epoch seconds of its beginning (UTC). Cut from the microseconds that the
 * column `ts` holds, so that counting the rows by `date_bin(width, ts, 'epoch')` gives the same. `widthS` divides an hour.
 */
export function sliceOf(tsMs: number, widthS: number): number {
  return Math.floor(postgresMicros(tsMs) / (widthS * 1_000_000)) * widthS + EPOCH_2000_S;
}
