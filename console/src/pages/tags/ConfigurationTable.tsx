import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import Toggle from '@cloudscape-design/components/toggle';
import { useState } from 'react';
import { useLanguage } from '../../i18n';
import { configurationDiff, type Side, type State } from './diff';

const types: Record<State, StatusIndicatorProps.Type> = {
  added: 'success',
  removed: 'error',
  changed: 'warning',
  same: 'stopped',
};

const pageSize = 50;

/** ConfigurationTable lists what the configurations and the annotations of two images say, and where they differ. */
export function ConfigurationTable({ left, right }: { left: Side; right: Side }) {
  const { t } = useLanguage();
  const [everything, setEverything] = useState(false);
  const [page, setPage] = useState(1);
  const all = configurationDiff(left, right);
  const differing = all.filter(({ state }) => state !== 'same');
  const shown = everything ? all : differing;
  const pages = Math.max(1, Math.ceil(shown.length / pageSize));
  const current = Math.min(page, pages);
  return (
    <Table
      variant="container"
      wrapLines
      stickyColumns={{ first: 1 }}
      ariaLabels={{ tableLabel: t('tags.configuration') }}
      items={shown.slice((current - 1) * pageSize, current * pageSize)}
      trackBy={({ group, name }) => `${group} ${name}`}
      header={
        <Header
          variant="h2"
          counter={`(${differing.length})`}
          actions={
            <Toggle checked={everything} onChange={(e) => setEverything(e.detail.checked)}>
              {t('tags.showSame')}
            </Toggle>
          }
        >
          {t('tags.configuration')}
        </Header>
      }
      pagination={
        pages > 1 && (
          <Pagination
            currentPageIndex={current}
            pagesCount={pages}
            onChange={(e) => setPage(e.detail.currentPageIndex)}
          />
        )
      }
      empty={<Box textAlign="center">{t('tags.noDifference')}</Box>}
      columnDefinitions={[
        {
          id: 'what',
          header: t('tags.setting'),
          isRowHeader: true,
          minWidth: 150,
          cell: ({ group, name }) => (
            <span className="anywhere">
              {t(`tags.group.${group}`)} {name && <Box variant="code">{name}</Box>}
            </span>
          ),
        },
        {
          id: 'state',
          header: t('tags.change'),
          minWidth: 140,
          cell: ({ state }) => (
            <StatusIndicator type={types[state]}>{t(`tags.state.${state}`)}</StatusIndicator>
          ),
        },
        { id: 'left', header: t('tags.left'), minWidth: 220, cell: (one) => <Value text={one.left} /> },
        { id: 'right', header: t('tags.right'), minWidth: 220, cell: (one) => <Value text={one.right} /> },
      ]}
    />
  );
}

function Value({ text }: { text?: string }) {
  if (text === undefined) return <>–</>;
  return (
    <span className="anywhere">
      <Box variant="code">{text}</Box>
    </span>
  );
}
