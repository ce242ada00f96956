/**
 * True only of values whose JSON is the same text, members in the same order. What is one and the same object on both sides is not looked
 * into, so most of a fold over the same events costs a comparison of references. False says less: what is no plain data (a date, a set) and
 * members that JSON leaves out are not understood here, and the texts must be compared.
 */
export function isSameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) return Array.isArray(right) && isSameList(left, right);
  return isPlain(left) && isPlain(right) && isSameRecord(left, right);
}

function isSameList(left: readonly unknown[], right: readonly unknown[]): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at++) if (!isSameJson(left[at], right[at])) return false;
  return true;
}

function isSameRecord(left: Record<string, unknown>, right: Record<string, unknown>): boolean {
  const names = Object.keys(left);
  const others = Object.keys(right);
  if (names.length !== others.length) return false;
  for (let at = 0; at < names.length; at++) {
    const name = names[at] as string;
    if (name !== others[at] || !isSameJson(left[name], right[name])) return false;
  }
  return true;
}

const isPlain = (value: object): value is Record<string, unknown> =>
  Object.getPrototypeOf(value) === Object.prototype && !('toJSON' in value);
