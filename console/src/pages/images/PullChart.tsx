import BarChart from '@cloudscape-design/components/bar-chart';
import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useMemo } from 'react';
import { useClients } from '../../api/clients';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import { useLanguage } from '../../i18n';
import { count } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { aws } from '../../lib/shell';
import { lastDays } from './days';

const days = 30;

/** PullChart shows how often an image was pulled on each of the last days. */
export default function PullChart({ repository, digest }: { repository: string; digest: string }) {
  const { t, locale } = useLanguage();
  const { own } = useClients();
  const { data, error, loading, reload } = useLoad(
    (signal) =>
      own(
        'DescribePullStatistics',
        { RepositoryName: repository, ImageDigest: digest, MaxResults: days },
        signal,
      ),
    [own, repository, digest],
  );
  const shown = useMemo(() => lastDays(data?.Days ?? [], days, new Date()), [data]);
  const short = (day: Date) =>
    day.toLocaleDateString(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' });
  if (error) return <ErrorAlert error={error} retry={reload} />;
  if (loading && !data) return <Spinner />;
  if (data?.Pulls === 0) return <Box color="text-status-inactive">{t('images.neverPulled')}</Box>;
  const most = Math.max(1, ...shown.map((one) => one.pulls));
  return (
    <SpaceBetween size="m">
      <Box>{t('images.pullsInAll', { n: count(data?.Pulls ?? 0, locale) })}</Box>
      <BarChart
        ariaLabel={t('images.pullsByDay')}
        height={160}
        hideFilter
        hideLegend
        xScaleType="categorical"
        xDomain={shown.map((one) => short(one.day))}
        yDomain={[0, most]}
        xTitle={t('images.day')}
        yTitle={t('images.pulls')}
        yTickFormatter={(value) => (Number.isInteger(value) ? count(value, locale) : '')}
        series={[
          {
            type: 'bar',
            title: t('images.pulls'),
            data: shown.map((one) => ({ x: short(one.day), y: one.pulls })),
          },
        ]}
      />
      <Cli
        commands={[
          aws('nifuda', 'describe-pull-statistics', {
            'repository-name': repository,
            'image-digest': digest,
          }),
        ]}
      />
    </SpaceBetween>
  );
}
