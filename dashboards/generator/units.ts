/** Columns say their unit last (`p95_ms`); this is Grafana's name for it. */
const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_percent$/, 'percent'],
  [/_ms$/, 'ms'],
  [/_(?:s|seconds)$/, 's'],
  [/(?:^|_)bytes$/, 'bytes'],
  [/_usd$/, 'currencyUSD'],
];

export function unitOf(column: string): string {
  return UNITS.find(([ending]) => ending.test(column))?.[1] ?? 'short';
}
