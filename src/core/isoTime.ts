/** `YYYY-MM-DDTHH:mm:ss.sssZ` */
const ISO_CHARS = 24;
const DAY_MS = 86_400_000;
/** From January on, in a year that is no leap year. */
const DAYS_OF_MONTH = Uint8Array.of(31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31);

/**
 * A time in ISO 8601 as epoch ms: what `Date.parse` says, NaN for what is none. The form that `Date.toISOString` writes, and SPARK with it, is
 * read here, without a call out of compiled code.
 */
export function isoTimeMs(iso: string): number {
  if (iso.length !== ISO_CHARS || !isPunctuated(iso)) return Date.parse(iso);
  const year = digits(iso, 0, 4);
  const month = digits(iso, 5, 2);
  const day = digits(iso, 8, 2);
  const hour = digits(iso, 11, 2);
  const minute = digits(iso, 14, 2);
  const second = digits(iso, 17, 2);
  const ms = digits(iso, 20, 3);
  const isUsual =
    day >= 1 && day <= (DAYS_OF_MONTH[month - 1] ?? 0) && hour < 24 && minute < 60 && second < 60;
  if (!isUsual || Number.isNaN(year + ms)) return Date.parse(iso);
  return dayNumber(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1_000 + ms;
}

function isPunctuated(iso: string): boolean {
  return (
    iso.charCodeAt(4) === 0x2d &&
    iso.charCodeAt(7) === 0x2d &&
    iso.charCodeAt(10) === 0x54 &&
    iso.charCodeAt(13) === 0x3a &&
    iso.charCodeAt(16) === 0x3a &&
    iso.charCodeAt(19) === 0x2e &&
    iso.charCodeAt(23) === 0x5a
  );
}

/** NaN when one of them is no digit. */
function digits(text: string, from: number, count: number): number {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return Number.NaN;
    value = value * 10 + digit;
  }
  return value;
}

/** Days since 1970, in the Gregorian calendar. A year is counted from March on, so that its odd day is its last. */
function dayNumber(year: number, month: number, day: number): number {
  const years = month > 2 ? year : year - 1;
  const daysBefore = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leapDays = Math.floor(years / 4) - Math.floor(years / 100) + Math.floor(years / 400);
  return years * 365 + leapDays + daysBefore - 719_468;
}
