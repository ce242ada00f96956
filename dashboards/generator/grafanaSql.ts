/** The window as a file writes it for psql: this begin, and `now()` for its end. */
const BEGIN = /now\(\) - interval '[^']+'/g;
const END = /now\(\)/g;

/**
 * A panel's statement for Grafana: the window is the dashboard's. `statement_timestamp()`, which is how a panel says "really now", stays.
 * Grafana puts quoted times in place of the two macros.
 */
export function grafanaSql(sql: string): string {
  return sql
    .replace(BEGIN, '$__timeFrom()::timestamptz')
    .replace(END, '$__timeTo()::timestamptz')
    .replace(/;$/, '');
}
