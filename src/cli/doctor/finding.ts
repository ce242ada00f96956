/** One thing the doctor looked at. `fix` says what to do when it is not well. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
  readonly fix?: string;
}

export function well(name: string, detail: string): Finding {
  return { name, ok: true, detail };
}

export function ill(name: string, detail: string, fix: string): Finding {
  return { name, ok: false, detail, fix };
}
