import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import CollectionPreferences from '@cloudscape-design/components/collection-preferences';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { lazy, useMemo, useState } from 'react';
import { useClients } from '../../api/clients';
import type { FoundRepository } from '../../api/nifuda.gen';
import ErrorAlert from '../../components/ErrorAlert';
import Once from '../../components/Once';
import Pager from '../../components/Pager';
import { useLanguage } from '../../i18n';
import { useLatest, useLoad } from '../../lib/load';
import { pageSizes, refine, usePaging } from '../../lib/paging';
import { useRemembered } from '../../lib/remembered';
import { follow, href, usePlace } from '../../lib/router';
import { columnsOf } from './columns';
import Filters from './Filters';
import ListHeader from './ListHeader';
import { isFiltered, type Order, requestIn, sortingIn, sortText } from './listing';

const DeleteRepositories = lazy(() => import('./DeleteRepositories'));
const PushCommands = lazy(() => import('./PushCommands'));

/** RepositoriesPage lists the repositories of the region. */
export default function RepositoriesPage() {
  const { t, locale } = useLanguage();
  const { own } = useClients();
  const { query } = usePlace();
  const paging = usePaging();
  const { size, token } = paging;
  const request = JSON.stringify(requestIn(query));
  const { data, error, loading, reload } = useLoad(
    (signal) =>
      own('SearchRepositories', { ...JSON.parse(request), MaxResults: size, NextToken: token }, signal),
    [own, request, size, token],
  );
  const found = useLatest(data);
  const items = found?.Repositories ?? [];
  const [picked, setPicked] = useState<FoundRepository[]>([]);
  const selected = items.filter((one) => picked.some((p) => p.RepositoryArn === one.RepositoryArn));
  const [dialog, setDialog] = useState<'push' | 'delete'>();
  const columns = useMemo(() => columnsOf(t, locale), [t, locale]);
  const [hidden, setHidden] = useRemembered('repositories.hidden');
  const { order, descending } = sortingIn(query);
  return (
    <>
      <Table
        variant="full-page"
        stickyHeader
        stickyColumns={{ first: 1 }}
        resizableColumns
        trackBy="RepositoryArn"
        loading={loading && !found}
        loadingText={t('common.loading')}
        items={items}
        columnDefinitions={columns}
        columnDisplay={columns.map(({ id = '' }) => ({ id, visible: !hidden.split(' ').includes(id) }))}
        selectionType="multi"
        selectedItems={selected}
        onSelectionChange={(e) => setPicked(e.detail.selectedItems)}
        sortingColumn={{ sortingField: order }}
        sortingDescending={descending}
        onSortingChange={({ detail }) =>
          refine({
            sort: sortText({
              order: detail.sortingColumn.sortingField as Order,
              descending: detail.isDescending ?? false,
            }),
          })
        }
        ariaLabels={{
          tableLabel: t('repositories.title'),
          selectionGroupLabel: t('repositories.select'),
          allItemsSelectionLabel: () => t('common.selectAll'),
          itemSelectionLabel: (_state, one) => one.RepositoryName,
          resizerRoleDescription: t('repositories.resizer'),
        }}
        header={
          <ListHeader
            shown={found?.Repositories.length}
            more={Boolean(found?.NextToken) || paging.page > 1}
            selected={selected}
            reload={reload}
            open={setDialog}
          />
        }
        filter={
          <SpaceBetween size="s">
            <Filters />
            <ErrorAlert error={error} retry={reload} />
          </SpaceBetween>
        }
        pagination={<Pager paging={paging} next={found?.NextToken} disabled={loading} />}
        preferences={
          <CollectionPreferences
            title={t('repositories.preferences')}
            confirmLabel={t('repositories.confirm')}
            cancelLabel={t('common.cancel')}
            preferences={{
              pageSize: size,
              visibleContent: columns.flatMap(({ id = '' }) => (hidden.split(' ').includes(id) ? [] : id)),
            }}
            pageSizePreference={{
              title: t('repositories.pageSize'),
              options: pageSizes.map((value) => ({
                value,
                label: t('repositories.perPage', { n: value }),
              })),
            }}
            visibleContentPreference={{
              title: t('repositories.columns'),
              options: [
                {
                  label: t('repositories.columnsOf'),
                  options: columns.map(({ id = '', header }) => ({
                    id,
                    label: String(header),
                    editable: id !== 'name',
                  })),
                },
              ],
            }}
            onConfirm={({ detail: { pageSize, visibleContent = [] } }) => {
              setHidden(columns.flatMap(({ id = '' }) => (visibleContent.includes(id) ? [] : id)).join(' '));
              if (pageSize && pageSize !== size) paging.resize(pageSize);
            }}
          />
        }
        empty={error ? null : isFiltered(query) ? <NoMatch /> : <Empty />}
      />
      <Once when={dialog === 'push'}>
        <PushCommands
          repository={selected[0]?.RepositoryName ?? ''}
          visible={dialog === 'push'}
          onClose={() => setDialog(undefined)}
        />
      </Once>
      <Once when={dialog === 'delete'}>
        <DeleteRepositories
          repositories={selected.map((one) => ({ name: one.RepositoryName, images: one.Images }))}
          visible={dialog === 'delete'}
          onClose={() => setDialog(undefined)}
          onDone={() => {
            setPicked([]);
            reload();
          }}
        />
      </Once>
    </>
  );
}

function Empty() {
  const { t } = useLanguage();
  return (
    <Box textAlign="center" padding="l">
      <SpaceBetween size="m">
        <Box variant="strong">{t('repositories.empty')}</Box>
        <Box variant="p" color="inherit">
          {t('repositories.emptyText')}
        </Box>
        <Button href={href('/create-repository')} onFollow={follow}>
          {t('repositories.create')}
        </Button>
      </SpaceBetween>
    </Box>
  );
}

function NoMatch() {
  const { t } = useLanguage();
  const clear = () =>
    refine({ q: undefined, mutability: undefined, scan: undefined, 'resource-tag': undefined });
  return (
    <Box textAlign="center" padding="l">
      <SpaceBetween size="m">
        <Box variant="strong">{t('repositories.noMatch')}</Box>
        <Button onClick={clear}>{t('repositories.clear')}</Button>
      </SpaceBetween>
    </Box>
  );
}
