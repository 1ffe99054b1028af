import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { useState } from 'react';
import { expect, it } from 'vitest';
import type { TagChange } from '../../src/api/nifuda.gen';
import { LanguageOf } from '../../src/i18n';
import Timeline from '../../src/pages/tags/Timeline';
import type { Range } from '../../src/pages/tags/timeline';

const day = 86400;
const digest = (n: number) => `sha256:${String(n).repeat(64)}`;
const change = (Sequence: number, ChangedAt: number, of?: number): TagChange => ({
  Sequence,
  ChangedAt,
  ImageDigest: of === undefined ? undefined : digest(of),
  ActorArn: 'arn:aws:iam::123456789012:user/alice',
});
// Two of the changes are a second apart.
const history = [
  change(5, 90 * day, 1),
  change(4, 60 * day),
  change(3, 30 * day + 1, 2),
  change(2, 30 * day, 3),
  change(1, day, 1),
];

function Shown() {
  const [range, setRange] = useState<Range>({ from: 0, to: 100 * day });
  const [selected, setSelected] = useState<TagChange>();
  const [looked, setLooked] = useState<TagChange>();
  return (
    <LanguageOf>
      <Timeline
        history={history}
        now={100 * day}
        range={range}
        onRange={setRange}
        selected={selected}
        onSelect={setSelected}
        onLook={setLooked}
      />
      <output>
        {`${selected?.Sequence ?? '-'} ${looked?.Sequence ?? '-'} ${Math.round(range.to - range.from)}`}
      </output>
    </LanguageOf>
  );
}

it('is walked by the arrow keys, shows what has the focus, and selects it', async () => {
  const user = userEvent.setup();
  render(<Shown />);
  const points = await screen.findAllByRole('button');
  expect(points).toHaveLength(4);
  expect(points.map(({ tabIndex }) => tabIndex)).toEqual([-1, -1, -1, 0]);
  expect(points[2].getAttribute('aria-label')).toContain('Removed by alice');
  await user.tab();
  expect(document.activeElement).toBe(points[3]);
  expect(screen.getByRole('status').textContent).toBe('- 5 8640000');
  await user.keyboard('{ArrowLeft}{Enter}');
  expect(screen.getByRole('status').textContent).toBe('4 4 8640000');
  expect(points[2].getAttribute('aria-pressed')).toBe('true');
  await user.keyboard('{Home}');
  expect(document.activeElement).toBe(points[0]);
});

it('zooms to changes that lie too close to be told apart', async () => {
  const user = userEvent.setup();
  render(<Shown />);
  const several = await screen.findByRole('button', { name: /^2 changes from/ });
  expect(several.textContent).toBe('2');
  await user.click(several);
  expect(await screen.findAllByRole('button', { name: /^Pointed at/ })).toHaveLength(2);
  expect(screen.getByRole('status').textContent).toMatch(/^- \S+ 2$/);
});
