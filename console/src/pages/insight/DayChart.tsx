import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import type { RegistryDay } from '../../api/nifuda.gen';
import { useLanguage } from '../../i18n';
import { count } from '../../lib/format';

const width = 900;
const height = 180;

/** DayChart draws pushes and pulls of each day beside each other, and has them as a table too. */
export default function DayChart({ days }: { days: RegistryDay[] }) {
  const { t, locale } = useLanguage();
  const most = Math.max(1, ...days.flatMap((one) => [one.Pushes, one.Pulls]));
  const step = width / days.length;
  const bar = (value: number) => (value / most) * height;
  const dayOf = (day: string) =>
    new Date(day).toLocaleDateString(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' });
  const told = (one: RegistryDay) =>
    `${dayOf(one.Day)}: ${t('insight.pushes')} ${count(one.Pushes, locale)}, ${t('insight.pulls')} ${count(one.Pulls, locale)}`;
  return (
    <SpaceBetween size="s">
      <div className="legend">
        <span className="swatch pushes" /> {t('insight.pushes')}
        <span className="swatch pulls" /> {t('insight.pulls')}
        <Box variant="small" display="inline">
          {t('insight.byDayHint', { n: days.length })} · ≤ {count(most, locale)}
        </Box>
      </div>
      <svg
        className="day-chart"
        viewBox={`0 0 ${width} ${height + 24}`}
        role="img"
        aria-label={t('insight.byDay')}
        preserveAspectRatio="none"
      >
        <title>{t('insight.byDay')}</title>
        {days.map((one, i) => (
          <g key={one.Day}>
            <title>{told(one)}</title>
            <rect x={i * step} y={0} width={step} height={height} className="ground" />
            <rect
              className="pushes"
              x={i * step + step * 0.12}
              y={height - bar(one.Pushes)}
              width={step * 0.36}
              height={bar(one.Pushes)}
            />
            <rect
              className="pulls"
              x={i * step + step * 0.52}
              y={height - bar(one.Pulls)}
              width={step * 0.36}
              height={bar(one.Pulls)}
            />
          </g>
        ))}
        <line x1={0} x2={width} y1={height} y2={height} className="axis" />
      </svg>
      <div className="ends">
        <span>{days.length > 0 && dayOf(days[0].Day)}</span>
        <span>{days.length > 0 && dayOf(days[days.length - 1].Day)}</span>
      </div>
      <ExpandableSection headerText={t('insight.asTable')}>
        <Table
          variant="embedded"
          items={days.filter((one) => one.Pushes + one.Pulls > 0).reverse()}
          ariaLabels={{ tableLabel: t('insight.byDay') }}
          empty={t('insight.noEvents')}
          columnDefinitions={[
            { id: 'day', header: t('insight.day'), isRowHeader: true, cell: (one) => dayOf(one.Day) },
            { id: 'pushes', header: t('insight.pushes'), cell: (one) => count(one.Pushes, locale) },
            { id: 'pulls', header: t('insight.pulls'), cell: (one) => count(one.Pulls, locale) },
          ]}
        />
      </ExpandableSection>
    </SpaceBetween>
  );
}
