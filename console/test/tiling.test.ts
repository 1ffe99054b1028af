import { describe, expect, it } from 'vitest';
import { treemap } from '../src/pages/insight/tiling';

const own = (n: number) => n;

describe('treemap', () => {
  it.each([
    [[1]],
    [[5, 1]],
    [[6, 6, 4, 3, 2, 2, 1]],
    [Array.from({ length: 100 }, (_, i) => (i * 7919) % 101)],
  ])('gives each of %j its share, inside and without overlap', (weights) => {
    const total = weights.reduce((a, b) => a + b, 0);
    const tiles = treemap(weights, own, 300, 200);
    expect(tiles.length).toBe(weights.filter((w) => w > 0).length);
    for (const tile of tiles) {
      expect(tile.width * tile.height).toBeCloseTo((tile.item / total) * 60000, 4);
      expect(tile.x).toBeGreaterThanOrEqual(-1e-6);
      expect(tile.y).toBeGreaterThanOrEqual(-1e-6);
      expect(tile.x + tile.width).toBeLessThanOrEqual(300 + 1e-6);
      expect(tile.y + tile.height).toBeLessThanOrEqual(200 + 1e-6);
    }
    for (const [i, a] of tiles.entries()) {
      for (const b of tiles.slice(i + 1)) {
        const across = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
        const down = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
        expect(Math.min(across, down)).toBeLessThanOrEqual(1e-6);
      }
    }
  });
  it('makes tiles that are almost square', () => {
    for (const { width, height } of treemap([6, 6, 4, 3, 2, 2, 1], own, 600, 400)) {
      expect(Math.max(width / height, height / width)).toBeLessThan(3);
    }
  });
  it('has no tile for nothing', () => {
    expect(treemap([0, 0], own, 10, 10)).toEqual([]);
    expect(treemap([], own, 10, 10)).toEqual([]);
  });
});
