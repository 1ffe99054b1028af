import './insight.css';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import { useClients } from '../../api/clients';
import type { StorageItem } from '../../api/nifuda.gen';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import { bytes, count, shortDigest } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { follow, href, usePlace } from '../../lib/router';
import { aws } from '../../lib/shell';
import Treemap from './Treemap';

/** addressOf is where a click on something leads: from a repository to its images, from an image to its page. */
const addressOf = (item: StorageItem) =>
  item.ImageDigest
    ? href(`/repositories/${item.RepositoryName}`, { image: item.ImageDigest })
    : href('/storage', { repository: item.RepositoryName });

const nameOf = (item: StorageItem) =>
  item.ImageDigest ? (item.ImageTags?.[0] ?? shortDigest(item.ImageDigest)) : item.RepositoryName;

/** StoragePage shows where the bytes are: of the registry, or by ?repository= of one repository. */
export default function StoragePage() {
  const { t, locale } = useLanguage();
  const { own } = useClients();
  const repository = usePlace().query.get('repository') ?? undefined;
  const { data, error, loading, reload } = useLoad(
    (signal) => own('DescribeStorage', { RepositoryName: repository }, signal),
    [own, repository],
  );
  const title = repository ? t('insight.whereBytesAreIn', { name: repository }) : t('insight.whereBytesAre');
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={data && <Time at={data.MeasuredAt} />}
        actions={
          repository && (
            <SpaceBetween direction="horizontal" size="xs">
              <Button href={href('/storage')} onFollow={follow}>
                {t('insight.allRepositories')}
              </Button>
              <Button href={href(`/repositories/${repository}`)} onFollow={follow}>
                {t('insight.openRepository')}
              </Button>
            </SpaceBetween>
          )
        }
      >
        {title}
      </Header>
      <ErrorAlert error={error} retry={reload} />
      {loading && !data && <Spinner size="large" />}
      {data && (
        <SpaceBetween size="l">
          <Container>
            {data.Items.length > 0 ? (
              <SpaceBetween size="s">
                <Box color="text-body-secondary">{t('insight.treemapHint')}</Box>
                <Treemap label={title} items={data.Items} nameOf={nameOf} addressOf={addressOf} />
              </SpaceBetween>
            ) : (
              <Box textAlign="center">
                <b>{t('insight.nothingStored')}</b>
                <Box variant="p">{t('insight.nothingStoredText')}</Box>
              </Box>
            )}
          </Container>
          <Items key={repository} items={data.Items} />
          {data.OtherBytes > 0 && <Box>{t('insight.other', { bytes: bytes(data.OtherBytes, locale) })}</Box>}
          <Cli commands={[aws('nifuda', 'describe-storage', { 'repository-name': repository })]} />
        </SpaceBetween>
      )}
    </SpaceBetween>
  );
}

type Column = 'Bytes' | 'UniqueBytes';

function Items({ items }: { items: StorageItem[] }) {
  const { t, locale } = useLanguage();
  const [sorted, setSorted] = useState<{ by: Column; descending: boolean }>({
    by: 'Bytes',
    descending: true,
  });
  const rows = [...items].sort((a, b) => (b[sorted.by] - a[sorted.by]) * (sorted.descending ? 1 : -1));
  const sizes: { id: Column; header: string }[] = [
    { id: 'Bytes', header: t('insight.size') },
    { id: 'UniqueBytes', header: t('insight.unique') },
  ];
  const columns = [
    {
      id: 'name',
      header: items[0]?.ImageDigest ? t('insight.image') : t('insight.repository'),
      isRowHeader: true,
      cell: (item: StorageItem) => (
        <Link href={addressOf(item)} onFollow={follow}>
          {nameOf(item)}
        </Link>
      ),
    },
    ...sizes.map(({ id, header }) => ({
      id,
      header,
      sortingField: id,
      cell: (item: StorageItem) => bytes(item[id], locale),
    })),
    {
      id: 'images',
      header: t('insight.images'),
      cell: (item: StorageItem) => (item.Images === undefined ? '–' : count(item.Images, locale)),
    },
  ];
  return (
    <Table
      items={rows}
      ariaLabels={{ tableLabel: t('insight.storage') }}
      columnDefinitions={columns}
      sortingColumn={{ sortingField: sorted.by }}
      sortingDescending={sorted.descending}
      onSortingChange={(e) =>
        setSorted({
          by: e.detail.sortingColumn.sortingField as Column,
          descending: Boolean(e.detail.isDescending),
        })
      }
      empty={t('insight.nothingStored')}
    />
  );
}
