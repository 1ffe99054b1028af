/** A Tile is where something lies in a treemap, in the units of the whole. */
export interface Tile<T> {
  item: T;
  x: number;
  y: number;
  width: number;
  height: number;
}

interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** worst is how far the thinnest of a row of areas is from a square; 1 is one. */
function worst(areas: number[], side: number): number {
  const sum = areas.reduce((a, b) => a + b, 0);
  const thickness = sum / side;
  return Math.max(...areas.map((area) => Math.max(area / thickness ** 2, thickness ** 2 / area)));
}

/** place lays a row of areas along the shorter side of a box, and returns what is left of it. */
function place<T>(row: { item: T; area: number }[], box: Box, tiles: Tile<T>[]): Box {
  const sum = row.reduce((a, { area }) => a + area, 0);
  const upright = box.width >= box.height;
  const thickness = sum / (upright ? box.height : box.width);
  let along = upright ? box.y : box.x;
  for (const { item, area } of row) {
    const length = area / thickness;
    tiles.push(
      upright
        ? { item, x: box.x, y: along, width: thickness, height: length }
        : { item, x: along, y: box.y, width: length, height: thickness },
    );
    along += length;
  }
  return upright
    ? { ...box, x: box.x + thickness, width: box.width - thickness }
    : { ...box, y: box.y + thickness, height: box.height - thickness };
}

/**
 * treemap divides a rectangle among items by their weights, in tiles that are
 * as square as can be, the heaviest first. What weighs nothing has no tile.
 */
export function treemap<T>(
  items: T[],
  weight: (item: T) => number,
  width: number,
  height: number,
): Tile<T>[] {
  const heavy = items.filter((item) => weight(item) > 0).sort((a, b) => weight(b) - weight(a));
  const total = heavy.reduce((sum, item) => sum + weight(item), 0);
  const tiles: Tile<T>[] = [];
  let box: Box = { x: 0, y: 0, width, height };
  let row: { item: T; area: number }[] = [];
  for (const item of heavy) {
    const next = { item, area: (weight(item) / total) * width * height };
    const side = Math.min(box.width, box.height);
    const areas = row.map(({ area }) => area);
    if (row.length > 0 && worst([...areas, next.area], side) > worst(areas, side)) {
      box = place(row, box, tiles);
      row = [];
    }
    row.push(next);
  }
  if (row.length > 0) place(row, box, tiles);
  return tiles;
}
