import type { TagChange } from '../../api/nifuda.gen';

/** A Range is a part of time, in seconds. */
export interface Range {
  from: number;
  to: number;
}

/** A Span is a time in which a tag pointed at one image. */
export interface Span extends Range {
  digest: string;
  /** Which color it has: the same digest has the same. */
  color: number;
}

const colors = 6;

/** spansOf are the spans of a history, whose newest entry comes first; the last span lasts until now. */
export function spansOf(history: TagChange[], now: number): Span[] {
  const known = new Map<string, number>();
  return history
    .map((change, i) => ({ change, to: i === 0 ? now : history[i - 1].ChangedAt }))
    .reverse()
    .flatMap(({ change: { ImageDigest: digest, ChangedAt: from }, to }) => {
      if (!digest) return [];
      const color = known.get(digest) ?? known.size % colors;
      known.set(digest, color);
      return { from, to: Math.max(from, to), digest, color };
    });
}

const shortest = 1;

/** wholeOf is all of a history, with a little room at both ends. */
export function wholeOf(history: TagChange[], now: number): Range {
  const first = history.at(-1)?.ChangedAt ?? now - shortest;
  const room = Math.max((now - first) * 0.03, shortest);
  return { from: first - room, to: now + room };
}

/** within moves and cuts a range so that it lies within another one. */
export function within(range: Range, whole: Range): Range {
  const length = Math.max(range.to - range.from, shortest);
  if (length >= whole.to - whole.from) return whole;
  const from = Math.min(Math.max(range.from, whole.from), whole.to - length);
  return { from, to: from + length };
}

/** zoomed shows a factor of a range, around its middle. */
export function zoomed({ from, to }: Range, factor: number): Range {
  const middle = (from + to) / 2;
  const half = ((to - from) / 2) * factor;
  return { from: middle - half, to: middle + half };
}

/** shifted moves a range by a share of its length. */
export function shifted({ from, to }: Range, share: number): Range {
  const by = (to - from) * share;
  return { from: from + by, to: to + by };
}

/** scale says where on a width a time is. */
export const scale =
  ({ from, to }: Range, width: number) =>
  (at: number) =>
    ((at - from) / (to - from)) * width;

/** A Cluster are changes that lie too close to be told apart, the newest first. */
export interface Cluster {
  x: number;
  changes: TagChange[];
}

/** clustersOf gathers the changes of a range so that no two points are closer than a distance. */
export function clustersOf(history: TagChange[], range: Range, width: number, distance: number): Cluster[] {
  const place = scale(range, width);
  const clusters: Cluster[] = [];
  let began = Number.NEGATIVE_INFINITY;
  for (const change of history.toReversed()) {
    if (change.ChangedAt < range.from || change.ChangedAt > range.to) continue;
    const x = place(change.ChangedAt);
    const last = clusters.at(-1);
    if (last && x - began < distance) {
      last.changes.unshift(change);
    } else {
      clusters.push({ x, changes: [change] });
      began = x;
    }
  }
  return clusters;
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const steps = [
  1,
  5,
  15,
  30,
  minute,
  5 * minute,
  15 * minute,
  30 * minute,
  hour,
  3 * hour,
  6 * hour,
  12 * hour,
  day,
  2 * day,
  7 * day,
  14 * day,
  30 * day,
  91 * day,
  182 * day,
  365 * day,
  5 * 365 * day,
];

/** Ticks are the times that an axis names. */
export interface Ticks {
  step: number;
  at: number[];
}

/** ticksOf are the ticks of a range, at least a distance apart. The offset of the local time keeps days at midnight. */
export function ticksOf({ from, to }: Range, width: number, distance: number, offset = 0): Ticks {
  const most = Math.max(1, Math.floor(width / distance));
  const step = steps.find((one) => (to - from) / one <= most) ?? steps[steps.length - 1];
  const at: number[] = [];
  for (let tick = Math.ceil((from - offset) / step) * step + offset; tick <= to; tick += step) at.push(tick);
  return { step, at };
}

/** tickFormat is how the ticks of a step are written. */
export function tickFormat(step: number): Intl.DateTimeFormatOptions {
  if (step >= 28 * day) return { year: 'numeric', month: 'short' };
  if (step >= day) return { month: 'short', day: 'numeric' };
  if (step >= minute) return { hour: '2-digit', minute: '2-digit' };
  return { hour: '2-digit', minute: '2-digit', second: '2-digit' };
}

/** before is the entry of a history that another one followed. */
export const before = (history: TagChange[], change: TagChange) =>
  history.find(({ Sequence }) => Sequence === change.Sequence - 1);
