/** Where a panel lies on Grafana's grid. */
export interface GridPos {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

const COLUMNS = 24;

/** Lays sizes out left to right from line `top`, a new line where the next would not fit. Returns them with the line below all. */
export function layOut(
  sizes: readonly { readonly width: number; readonly height: number }[],
  top: number,
): { readonly places: readonly GridPos[]; readonly bottom: number } {
  const places: GridPos[] = [];
  let [x, y, lineHeight] = [0, top, 0];
  for (const { width, height } of sizes) {
    if (x + width > COLUMNS) [x, y, lineHeight] = [0, y + lineHeight, 0];
    places.push({ x, y, w: width, h: height });
    x += width;
    lineHeight = Math.max(lineHeight, height);
  }
  return { places, bottom: y + lineHeight };
}
