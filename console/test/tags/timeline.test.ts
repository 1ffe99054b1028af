import { describe, expect, it } from 'vitest';
import type { TagChange } from '../../src/api/nifuda.gen';
import { before, clustersOf, spansOf, ticksOf, wholeOf, within, zoomed } from '../../src/pages/tags/timeline';

// a, b, removed, a again: the newest first.
const history = [
  { Sequence: 4, ImageDigest: 'a', ChangedAt: 70 },
  { Sequence: 3, ChangedAt: 50 },
  { Sequence: 2, ImageDigest: 'b', ChangedAt: 20 },
  { Sequence: 1, ImageDigest: 'a', ChangedAt: 10 },
].map((change) => ({ ActorArn: 'arn', ...change }) as TagChange);

describe('a timeline', () => {
  it('has a bar for each image, a gap after a removal, and one color for each digest', () => {
    expect(spansOf(history, 100)).toEqual([
      { from: 10, to: 20, digest: 'a', color: 0 },
      { from: 20, to: 50, digest: 'b', color: 1 },
      { from: 70, to: 100, digest: 'a', color: 0 },
    ]);
  });
  it('ends with a removal', () => expect(spansOf(history.slice(1), 100).at(-1)?.to).toBe(50));
  it('gathers changes that lie too close', () => {
    const range = { from: 0, to: 100 };
    const sequences = (distance: number) =>
      clustersOf(history, range, 100, distance).map(({ changes }) => changes.map(({ Sequence }) => Sequence));
    expect(sequences(5)).toEqual([[1], [2], [3], [4]]);
    expect(sequences(15)).toEqual([[2, 1], [3], [4]]);
    expect(sequences(45)).toEqual([[3, 2, 1], [4]]);
    expect(clustersOf(history, { from: 15, to: 60 }, 100, 5)).toHaveLength(2);
  });
  it('zooms within what there is', () => {
    const whole = wholeOf(history, 100);
    expect(whole.from).toBeLessThan(10);
    expect(whole.to).toBeGreaterThan(100);
    expect(within(zoomed(whole, 2), whole)).toEqual(whole);
    const near = within(zoomed({ from: whole.from, to: whole.from + 10 }, 2), whole);
    expect(near.from).toBe(whole.from);
    expect(near.to - near.from).toBe(20);
    const { from, to } = within({ from: 50, to: 50 }, whole);
    expect(to - from).toBe(1);
  });
  it('knows the entry before', () => {
    expect(before(history, history[0])?.Sequence).toBe(3);
    expect(before(history, history[3])).toBeUndefined();
  });
});

it('has ticks at whole steps of the local time', () => {
  const day = 86400;
  expect(ticksOf({ from: 100, to: 3 * day + 100 }, 400, 100)).toEqual({
    step: day,
    at: [day, 2 * day, 3 * day],
  });
  expect(ticksOf({ from: 100, to: 3 * day + 100 }, 400, 100, -32400).at[0]).toBe(day - 32400);
  expect(ticksOf({ from: 0, to: 10 }, 1000, 90).step).toBe(1);
});
