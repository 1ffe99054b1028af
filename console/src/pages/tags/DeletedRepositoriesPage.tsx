import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import type { DeletedRepository } from '../../api/nifuda.gen';
import ErrorAlert from '../../components/ErrorAlert';
import Pager from '../../components/Pager';
import Time from '../../components/Time';
import Who from '../../components/Who';
import { useLanguage } from '../../i18n';
import type { Translate } from '../../i18n/messages';
import { useLoad } from '../../lib/load';
import { refine, usePaging } from '../../lib/paging';
import { nameProblem } from '../../lib/repositoryName';
import { follow, href, usePlace } from '../../lib/router';
import Preferences, { useColumns } from './Preferences';
import RestoreRepositoryDialog from './RestoreRepositoryDialog';
import UndeleteWindow from './UndeleteWindow';
import { useUndeleteWindow } from './useUndeleteWindow';

/** DeletedRepositoriesPage lists the deleted repositories of the registry, and brings them back. */
export default function DeletedRepositoriesPage() {
  const { t } = useLanguage();
  const { own } = useClients();
  const { query } = usePlace();
  const paging = usePaging();
  const find = query.get('find') ?? '';
  const seconds = useUndeleteWindow();
  const definitions = repositoryColumns(t);
  const columns = useColumns('deletedRepositories', definitions);
  const [selected, setSelected] = useState<DeletedRepository[]>([]);
  const [restoring, setRestoring] = useState(false);
  const { data, error, loading, reload } = useLoad(
    (signal) => {
      const page = { MaxResults: paging.size, NextToken: paging.token };
      return own('ListDeletedRepositories', { RepositoryName: find || undefined, ...page }, signal);
    },
    [own, find, paging.size, paging.token],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows that are no longer shown are not selected either
  useEffect(() => setSelected([]), [data]);
  return (
    <SpaceBetween size="m">
      <ErrorAlert error={error} retry={reload} />
      <Table
        variant="full-page"
        stickyHeader
        resizableColumns
        wrapLines
        stickyColumns={{ first: 1 }}
        trackBy="RepositoryId"
        selectionType="single"
        selectedItems={selected}
        onSelectionChange={(e) => setSelected(e.detail.selectedItems)}
        ariaLabels={{
          tableLabel: t('tags.deletedRepositories'),
          selectionGroupLabel: t('tags.selection'),
          itemSelectionLabel: (_, one) => one.RepositoryName,
        }}
        loading={loading && !data}
        loadingText={t('common.loading')}
        items={data?.DeletedRepositories ?? []}
        columnDefinitions={definitions}
        visibleColumns={columns.shown}
        header={
          <Header
            variant="awsui-h1-sticky"
            description={<UndeleteWindow seconds={seconds} />}
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={t('common.refresh')} onClick={reload} />
                <Button variant="primary" disabled={selected.length === 0} onClick={() => setRestoring(true)}>
                  {t('tags.restore')}
                </Button>
              </SpaceBetween>
            }
          >
            {t('tags.deletedRepositories')}
          </Header>
        }
        filter={<Find value={find} />}
        pagination={<Pager paging={paging} next={data?.NextToken} disabled={loading} />}
        preferences={<Preferences paging={paging} columns={columns} />}
        empty={<Empty find={find} />}
      />
      <RestoreRepositoryDialog
        repository={selected[0]}
        visible={restoring}
        onClose={() => setRestoring(false)}
        onDone={reload}
      />
    </SpaceBetween>
  );
}

const repositoryColumns = (t: Translate): TableProps.ColumnDefinition<DeletedRepository>[] => [
  {
    id: 'name',
    header: t('tags.repository'),
    isRowHeader: true,
    width: 260,
    cell: (one) => one.RepositoryName,
  },
  { id: 'by', header: t('tags.deletedBy'), width: 200, cell: (one) => <Who arn={one.DeletedBy} /> },
  {
    id: 'at',
    header: t('tags.deletedAt'),
    width: 240,
    cell: (one) => <Time at={one.DeletedAt} exact />,
  },
  {
    id: 'until',
    header: t('tags.until'),
    width: 240,
    cell: (one) => <Time at={one.RestorableUntil} exact />,
  },
];

// The server finds whole names: what is not finished yet is not sent.
function Find({ value }: { value: string }) {
  const { t } = useLanguage();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const search = (asked: string) => {
    if (asked === '' || !nameProblem(asked)) refine({ find: asked || undefined });
  };
  return (
    <TextFilter
      filteringText={text}
      filteringPlaceholder={t('tags.findRepository')}
      filteringAriaLabel={t('tags.findRepository')}
      onChange={(e) => setText(e.detail.filteringText.trim())}
      onDelayedChange={(e) => search(e.detail.filteringText.trim())}
    />
  );
}

function Empty({ find }: { find: string }) {
  const { t } = useLanguage();
  return (
    <Box textAlign="center" color="inherit">
      <SpaceBetween size="m">
        <b>{t(find ? 'tags.noMatch' : 'tags.noDeletedRepositories')}</b>
        {find ? (
          <Button onClick={() => refine({ find: undefined })}>{t('tags.clear')}</Button>
        ) : (
          <Button href={href('/repositories')} onFollow={follow}>
            {t('common.toRepositories')}
          </Button>
        )}
      </SpaceBetween>
    </Box>
  );
}
