import { type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from 'react';
import type { TagChange } from '../../api/nifuda.gen';
import { useLanguage } from '../../i18n';
import { whoIs } from '../../lib/arn';
import { absolute, shortDigest } from '../../lib/format';
import { type Cluster, clustersOf, type Range, scale, spansOf, tickFormat, ticksOf } from './timeline';
import './timeline.css';

interface Properties {
  /** The newest entry first. */
  history: TagChange[];
  /** Seconds. */
  now: number;
  range: Range;
  onRange: (range: Range) => void;
  selected?: TagChange;
  onSelect: (change: TagChange) => void;
  /** What the pointer is over, or the focus is on. */
  onLook: (change?: TagChange) => void;
}

const band = { y: 36, height: 36 };
const axis = 84;
const widthOfDigest = 96;
const pointDistance = 28;
const tickDistance = 76;

/** Timeline draws where a tag pointed over time: a bar for each image, a gap where it was removed, a point for each change. */
export default function Timeline(p: Properties) {
  const { t } = useLanguage();
  const [frame, width] = useWidth();
  const brush = useBrush(frame, p.range, width, p.onRange);
  const clusters = clustersOf(p.history, p.range, width, pointDistance);
  return (
    <div className="timeline" ref={frame} {...brush.handlers}>
      <Drawing history={p.history} now={p.now} range={p.range} width={width} brushed={brush.brushed} />
      <fieldset className="timeline-points" aria-label={t('tags.timelinePoints')}>
        <Points {...p} clusters={clusters} />
      </fieldset>
    </div>
  );
}

function useWidth() {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useEffect(() => {
    const element = frame.current;
    if (!element || !('ResizeObserver' in globalThis)) return;
    const observer = new ResizeObserver(() => setWidth(Math.max(element.clientWidth, 100)));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [frame, width] as const;
}

/** useBrush turns a drag across the drawing into a range. */
function useBrush(
  frame: { current: HTMLDivElement | null },
  range: Range,
  width: number,
  onRange: (range: Range) => void,
) {
  const [brushed, setBrushed] = useState<[number, number] | null>(null);
  const x = (e: PointerEvent) => e.clientX - (frame.current?.getBoundingClientRect().left ?? 0);
  const time = (at: number) => range.from + (at / width) * (range.to - range.from);
  const onPointerDown = (e: PointerEvent) => {
    if (e.button === 0 && !(e.target instanceof HTMLButtonElement)) setBrushed([x(e), x(e)]);
  };
  const onPointerMove = (e: PointerEvent) => brushed && setBrushed([brushed[0], x(e)]);
  const onPointerUp = () => {
    if (!brushed) return;
    const [from, to] = brushed.toSorted((a, b) => a - b);
    if (to - from > 8) onRange({ from: time(from), to: time(to) });
    setBrushed(null);
  };
  const onPointerLeave = () => setBrushed(null);
  return { brushed, handlers: { onPointerDown, onPointerMove, onPointerUp, onPointerLeave } };
}

interface DrawingProperties {
  history: TagChange[];
  now: number;
  range: Range;
  width: number;
  brushed: [number, number] | null;
}

// The table of the history beside it says the same to screen readers.
function Drawing({ history, now, range, width, brushed }: DrawingProperties) {
  const { locale } = useLanguage();
  const place = scale(range, width);
  const offset = new Date(range.from * 1000).getTimezoneOffset() * 60;
  const ticks = ticksOf(range, width, tickDistance, offset);
  const first = history.at(-1)?.ChangedAt ?? now;
  const middle = band.y + band.height / 2;
  return (
    <svg aria-hidden="true" viewBox={`0 0 ${width} 112`} preserveAspectRatio="none">
      <line className="gap" x1={place(first)} x2={place(now)} y1={middle} y2={middle} />
      {spansOf(history, now)
        .filter(({ from, to }) => to >= range.from && from <= range.to)
        .map(({ from, to, digest, color }) => (
          <Bar
            key={from}
            from={Math.max(place(from), -4)}
            to={Math.min(place(to), width + 4)}
            color={color}
            digest={digest}
          />
        ))}
      <line className="axis" x1={0} x2={width} y1={axis} y2={axis} />
      {ticks.at.map((at) => (
        <g key={at} transform={`translate(${place(at)} 0)`}>
          <line className="axis" y1={axis} y2={axis + 5} />
          <text className="tick" y={axis + 19} textAnchor={anchor(place(at), width)}>
            {new Date(at * 1000).toLocaleString(locale, tickFormat(ticks.step))}
          </text>
        </g>
      ))}
      {brushed && (
        <rect
          className="brush"
          x={Math.min(...brushed)}
          width={Math.abs(brushed[1] - brushed[0])}
          y={0}
          height={axis}
        />
      )}
    </svg>
  );
}

function anchor(x: number, width: number) {
  if (x < 36) return 'start';
  return x > width - 36 ? 'end' : 'middle';
}

function Bar({ from, to, color, digest }: { from: number; to: number; color: number; digest: string }) {
  return (
    <>
      <rect
        className={`span-${color}`}
        x={from}
        width={Math.max(to - from - 1, 1)}
        y={band.y}
        height={band.height}
        rx={3}
      />
      {to - from > widthOfDigest && (
        <text className="span-text" x={Math.max(from, 0) + 8} y={band.y + 23}>
          {shortDigest(digest).replace('sha256:', '')}
        </text>
      )}
    </>
  );
}

interface PointsProperties extends Properties {
  clusters: Cluster[];
}

function Points({ clusters, history, range, onRange, selected, onSelect, onLook }: PointsProperties) {
  const { t, locale } = useLanguage();
  const holds = (one: Cluster) => one.changes.some(({ Sequence }) => Sequence === selected?.Sequence);
  const stop = Math.max(clusters.findIndex(holds), clusters.some(holds) ? 0 : clusters.length - 1);
  const say = (changes: TagChange[]) =>
    changes.length > 1
      ? t('tags.severalChanges', {
          n: changes.length,
          from: absolute(changes[changes.length - 1].ChangedAt, locale),
          to: absolute(changes[0].ChangedAt, locale),
        })
      : t(changes[0].ImageDigest ? 'tags.movedTo' : 'tags.removedBy', {
          digest: shortDigest(changes[0].ImageDigest ?? ''),
          who: whoIs(changes[0].ActorArn),
          when: absolute(changes[0].ChangedAt, locale),
        });
  const choose = ({ changes }: Cluster) => {
    const [newest] = changes;
    const oldest = changes[changes.length - 1];
    const length = newest.ChangedAt - oldest.ChangedAt;
    if (changes.length > 1 && length < (range.to - range.from) / 2 && range.to - range.from > 2) {
      onRange({ from: oldest.ChangedAt - length * 0.2 - 0.5, to: newest.ChangedAt + length * 0.2 + 0.5 });
    } else {
      onSelect(newest);
    }
  };
  return clusters.map((cluster, i) => (
    <button
      type="button"
      key={cluster.changes[cluster.changes.length - 1].Sequence}
      className="timeline-point"
      ref={(element) => element?.style.setProperty('left', `${cluster.x}px`)}
      tabIndex={i === stop ? 0 : -1}
      aria-pressed={holds(cluster)}
      aria-label={say(cluster.changes)}
      onClick={() => choose(cluster)}
      onMouseEnter={() => onLook(cluster.changes[0])}
      onMouseLeave={() => onLook()}
      onFocus={() => onLook(cluster.changes[0])}
      onBlur={() => onLook()}
      onKeyDown={rove}
    >
      {cluster.changes.length > 1 ? cluster.changes.length : mark(cluster.changes[0], history)}
    </button>
  ));
}

const mark = ({ ImageDigest, Sequence }: TagChange, history: TagChange[]) => {
  if (!ImageDigest) return '×';
  const earlier = history.some((one) => one.ImageDigest === ImageDigest && one.Sequence < Sequence);
  return earlier ? '↺' : '';
};

/** rove moves the focus among the points by the arrow keys. */
function rove(e: KeyboardEvent<HTMLButtonElement>) {
  const points = [...(e.currentTarget.parentElement?.querySelectorAll('button') ?? [])];
  const at = points.indexOf(e.currentTarget);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: points.length - 1 }[e.key];
  if (to === undefined) return;
  e.preventDefault();
  points[Math.min(Math.max(to, 0), points.length - 1)]?.focus();
}
