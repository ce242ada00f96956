// Controls (but line breaks and tabs, which are part of a text's shape), bidi and zero-width and other format characters, surrogates.
const UNPRINTABLE = /[^\P{Cc}\n\t]|[\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** Text that a service read or heard, fit to be stored and shown: lines kept, nothing invisible. */
export function cleanLines(text: string): string {
  return text.replace(/\r\n?/g, '\n').replace(UNPRINTABLE, '').trim();
}

/** A short text of a service (code, message, label) on one line, at most `maxChars` characters. */
export function cleanLine(text: unknown, maxChars = 500): string {
  if (typeof text !== 'string') return '';
  const clean = cleanLines(text.slice(0, maxChars * 4)).replace(/\s+/g, ' ');
  return clean.length > maxChars ? `${clean.slice(0, maxChars - 1).toWellFormed()}…` : clean;
}
