/** A script as the tools address it. The server decodes percent signs once, so only those need to be encoded. */
export function scriptUri(path: string): string {
  return `mcpforunity://path/${path.replaceAll('%', '%25')}`;
}
