import './insight.css';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Table from '@cloudscape-design/components/table';
import { useMemo } from 'react';
import { useClients } from '../../api/clients';
import type { DescribeRegistryStatisticsResponse, MostPulled, NeverPulled } from '../../api/nifuda.gen';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import { bytes, count, shortDigest } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { follow, href } from '../../lib/router';
import { aws } from '../../lib/shell';
import DayChart from './DayChart';
import { everyDay } from './days';

const length = 30;

/** DashboardPage shows what the registry holds and what happens in it. */
export default function DashboardPage() {
  const { t } = useLanguage();
  const { own } = useClients();
  const { data, error, loading, reload } = useLoad(
    (signal) => own('DescribeRegistryStatistics', { PastDays: length }, signal),
    [own],
  );
  const days = useMemo(() => everyDay(data?.Days ?? [], length, new Date()), [data]);
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{t('insight.dashboard')}</Header>
      <ErrorAlert error={error} retry={reload} />
      {loading && !data && <Spinner size="large" />}
      {data && (
        <SpaceBetween size="l">
          <Holdings of={data} />
          <Container header={<Header variant="h2">{t('insight.byDay')}</Header>}>
            <DayChart days={days} />
          </Container>
          <ColumnLayout columns={2}>
            <Most rows={data.MostPulled} />
            <Never rows={data.NeverPulled} />
          </ColumnLayout>
          <Cli commands={[aws('nifuda', 'describe-registry-statistics', { 'past-days': length })]} />
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

function Holdings({ of }: { of: DescribeRegistryStatisticsResponse }) {
  const { t, locale } = useLanguage();
  const saved = Math.max(0, of.LogicalBytes - of.StoredBytes);
  const percent = of.LogicalBytes > 0 ? Math.round((100 * saved) / of.LogicalBytes) : 0;
  const measured = of.MeasuredAt !== undefined;
  const savedText = t('insight.savedValue', { bytes: bytes(saved, locale), percent });
  return (
    <Container>
      <KeyValuePairs
        columns={3}
        items={[
          { label: t('insight.repositories'), value: count(of.Repositories, locale) },
          { label: t('insight.images'), value: count(of.Images, locale) },
          { label: t('insight.logical'), value: bytes(of.LogicalBytes, locale) },
          {
            label: t('insight.stored'),
            value: measured ? bytes(of.StoredBytes, locale) : t('insight.notMeasured'),
          },
          { label: t('insight.saved'), value: measured ? savedText : t('insight.notMeasured') },
          {
            label: t('insight.measured'),
            value: measured ? <Time at={of.MeasuredAt} /> : t('insight.notMeasured'),
          },
        ]}
      />
    </Container>
  );
}

function RepositoryLink({ name }: { name: string }) {
  return (
    <Link href={href(`/repositories/${name}`)} onFollow={follow}>
      {name}
    </Link>
  );
}

function Most({ rows }: { rows: MostPulled[] }) {
  const { t, locale } = useLanguage();
  return (
    <Table
      header={<Header variant="h2">{t('insight.mostPulled')}</Header>}
      items={rows}
      ariaLabels={{ tableLabel: t('insight.mostPulled') }}
      empty={t('insight.nothingPulled')}
      columnDefinitions={[
        {
          id: 'repository',
          header: t('insight.repository'),
          isRowHeader: true,
          cell: (row) => <RepositoryLink name={row.RepositoryName} />,
        },
        { id: 'pulls', header: t('insight.pulls'), cell: (row) => count(row.Pulls, locale) },
      ]}
    />
  );
}

function Never({ rows }: { rows: NeverPulled[] }) {
  const { t, locale } = useLanguage();
  return (
    <Table
      header={<Header variant="h2">{t('insight.neverPulled')}</Header>}
      items={rows}
      wrapLines
      ariaLabels={{ tableLabel: t('insight.neverPulled') }}
      empty={t('insight.allPulled')}
      columnDefinitions={[
        {
          id: 'image',
          header: t('insight.image'),
          isRowHeader: true,
          cell: (row) => (
            <Link
              href={href(`/repositories/${row.RepositoryName}`, { image: row.ImageDigest })}
              onFollow={follow}
            >
              {row.RepositoryName}:{row.ImageTags[0] ?? shortDigest(row.ImageDigest)}
            </Link>
          ),
        },
        { id: 'pushed', header: t('insight.pushedAt'), cell: (row) => <Time at={row.PushedAt} /> },
        { id: 'size', header: t('insight.size'), cell: (row) => bytes(row.Size, locale) },
      ]}
    />
  );
}
