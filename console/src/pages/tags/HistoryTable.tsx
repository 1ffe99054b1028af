import type { ImageDetail } from '@aws-sdk/client-ecr';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import type { TagChange } from '../../api/nifuda.gen';
import Time from '../../components/Time';
import Who from '../../components/Who';
import { useLanguage } from '../../i18n';
import { bytes } from '../../lib/format';
import { ChangeActions, State, sizeChange } from './ChangeFacts';
import { before } from './timeline';

interface Properties {
  repository: string;
  history: TagChange[];
  details: Map<string, ImageDetail>;
  loading: boolean;
  more?: () => void;
  onRestore: (change: TagChange) => void;
}

const pageSize = 20;

/** HistoryTable says in words what the timeline draws. */
export default function HistoryTable({ repository, history, details, loading, more, onRestore }: Properties) {
  const { t, locale } = useLanguage();
  const [page, setPage] = useState(1);
  const pages = Math.max(1, Math.ceil(history.length / pageSize));
  const shown = Math.min(page, pages);
  return (
    <Table
      variant="container"
      stickyColumns={{ first: 1 }}
      trackBy="Sequence"
      wrapLines
      loading={loading && history.length === 0}
      loadingText={t('common.loading')}
      items={history.slice((shown - 1) * pageSize, shown * pageSize)}
      ariaLabels={{ tableLabel: t('tags.history') }}
      header={
        <Header variant="h2" counter={`(${history.length}${more ? '+' : ''})`}>
          {t('tags.history')}
        </Header>
      }
      pagination={
        <Pagination
          currentPageIndex={shown}
          pagesCount={pages}
          onChange={(e) => setPage(e.detail.currentPageIndex)}
        />
      }
      footer={
        more && (
          <Button onClick={more} loading={loading}>
            {t('tags.older')}
          </Button>
        )
      }
      columnDefinitions={[
        {
          id: 'n',
          header: t('tags.entry'),
          minWidth: 80,
          isRowHeader: true,
          cell: ({ Sequence }) => Sequence,
        },
        {
          id: 'when',
          header: t('tags.when'),
          minWidth: 220,
          cell: (one) => <Time at={one.ChangedAt} exact />,
        },
        {
          id: 'to',
          header: t('tags.pointedAt'),
          minWidth: 200,
          cell: (one) => <State repository={repository} change={one} />,
        },
        { id: 'by', header: t('tags.by'), minWidth: 120, cell: (one) => <Who arn={one.ActorArn} /> },
        {
          id: 'size',
          header: t('tags.size'),
          minWidth: 100,
          cell: (one) => {
            const size = details.get(one.ImageDigest ?? '')?.imageSizeInBytes;
            return size === undefined ? '–' : bytes(size, locale);
          },
        },
        {
          id: 'change',
          header: t('tags.sizeChange'),
          minWidth: 110,
          cell: (one) => sizeChange(details, before(history, one), one, locale),
        },
        {
          id: 'actions',
          header: t('tags.actions'),
          minWidth: 260,
          cell: (one) => (
            <ChangeActions
              repository={repository}
              history={history}
              change={one}
              onRestore={() => onRestore(one)}
            />
          ),
        },
      ]}
    />
  );
}
