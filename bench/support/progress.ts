const began = performance.now();

/** Says on stderr what a run of minutes is at, with the seconds since its beginning: stdout has the results alone. */
export function progress(text: string): void {
  const seconds = Math.round((performance.now() - began) / 1_000);
  console.error(`${String(seconds).padStart(5)} s  ${text}`);
}
