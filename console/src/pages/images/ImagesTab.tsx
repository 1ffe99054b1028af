import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { useMemo, useState } from 'react';
import { useClients } from '../../api/clients';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import Pager from '../../components/Pager';
import { useLanguage } from '../../i18n';
import type { Translate } from '../../i18n/messages';
import { useLoad } from '../../lib/load';
import { refine, useFirstPageOn, usePaging } from '../../lib/paging';
import { usePlace } from '../../lib/router';
import PushCommands from '../repositories/PushCommands';
import TagDialog from '../tags/TagDialog';
import { columnsOf } from './columns';
import DeleteImages from './DeleteImages';
import ImageFilters from './ImageFilters';
import './images.css';
import Preferences, { useHidden } from './Preferences';
import { isFiltered, listingOf, requestOf, searchCommand } from './query';
import { type Row, rowOf } from './rows';
import { type Folds, useChildren } from './useChildren';
import { useRepositoryUri } from './useReference';

type Dialog = 'delete' | 'tag' | 'push';

/** ImagesTab lists the images of a repository. */
export default function ImagesTab({ repository }: { repository: string }) {
  const { t, locale } = useLanguage();
  const { own } = useClients();
  const { query } = usePlace();
  const uri = useRepositoryUri(repository);
  const paging = usePaging();
  const listing = listingOf(query);
  const request = requestOf(repository, listing, paging);
  const asked = JSON.stringify(request);
  const found = useLoad((signal) => own('SearchImages', request, signal), [own, asked]);
  useFirstPageOn(found.error);
  const folds = useChildren(repository, found.data);
  const [selected, setSelected] = useState<Row[]>([]);
  const [dialog, setDialog] = useState<Dialog>();
  const [hidden, hide] = useHidden();
  const columns = useMemo(() => columnsOf({ t, locale, repository, uri }), [t, locale, repository, uri]);
  const items = useMemo(() => found.data?.Images.map(rowOf) ?? [], [found.data]);
  const close = () => setDialog(undefined);
  const changed = () => {
    setSelected([]);
    found.reload();
  };
  const [one] = selected;
  return (
    <SpaceBetween size="s">
      <ErrorAlert error={found.error} retry={found.reload} />
      <Table
        variant="container"
        trackBy="key"
        items={items}
        loading={found.loading && !found.data}
        loadingText={t('images.loading')}
        columnDefinitions={columns}
        columnDisplay={columns.map(({ id = '' }) => ({ id, visible: !hidden.includes(id) }))}
        stickyHeader
        stickyColumns={{ first: 1 }}
        resizableColumns
        selectionType="multi"
        selectedItems={selected}
        onSelectionChange={(e) => setSelected(e.detail.selectedItems)}
        isItemDisabled={(row) => row.role === 'platform' || row.role === 'attestation'}
        sortingColumn={{ sortingField: listing.sort }}
        sortingDescending={!listing.ascending}
        onSortingChange={({ detail }) =>
          refine({
            sort:
              detail.sortingColumn.sortingField === 'pushed' ? undefined : detail.sortingColumn.sortingField,
            order: detail.isDescending ? undefined : 'up',
          })
        }
        expandableRows={expandableRows(folds)}
        getLoadingStatus={(row) => statusOf(row, folds)}
        renderLoaderLoading={() => <Spinner />}
        renderLoaderError={({ item }) => <ErrorAlert error={item && folds.errorOf(item)} />}
        renderLoaderEmpty={() => <Box color="text-status-inactive">{t('images.nothingBelow')}</Box>}
        ariaLabels={ariaLabels(t)}
        filter={<ImageFilters listing={listing} />}
        pagination={<Pager paging={paging} next={found.data?.NextToken} disabled={found.loading} />}
        header={
          <Header
            variant="h2"
            counter={selected.length > 0 ? `(${t('images.selected', { n: selected.length })})` : undefined}
            actions={
              <Actions
                selected={selected.length}
                loading={found.loading}
                refresh={found.reload}
                open={setDialog}
              />
            }
          >
            {t('images.title')}
          </Header>
        }
        empty={
          <Empty
            filtered={isFiltered(listing)}
            failed={Boolean(found.error)}
            push={() => setDialog('push')}
          />
        }
        preferences={<Preferences columns={columns} hidden={hidden} hide={hide} paging={paging} />}
      />
      <Cli commands={[searchCommand(request)]} />
      <DeleteImages
        repository={repository}
        images={selected}
        visible={dialog === 'delete'}
        onClose={close}
        onDeleted={changed}
      />
      <TagDialog
        repository={repository}
        digest={one?.digest ?? ''}
        visible={dialog === 'tag'}
        onClose={close}
        onDone={changed}
      />
      <PushCommands repository={repository} visible={dialog === 'push'} onClose={close} />
    </SpaceBetween>
  );
}

const expandableRows = (folds: Folds): TableProps.ExpandableRows<Row> => ({
  getItemChildren: folds.childrenOf,
  isItemExpandable: (row) => row.expandable,
  expandedItems: folds.expanded,
  onExpandableItemToggle: ({ detail }) => folds.toggle(detail.item, detail.expanded),
});

function statusOf(row: Row | null, folds: Folds): TableProps.LoadingStatus {
  if (!row) return 'finished';
  if (folds.errorOf(row)) return 'error';
  return folds.loading(row) ? 'loading' : 'finished';
}

const nameOf = (row: Row) => row.platform ?? row.tags[0] ?? row.digest;

const ariaLabels = (t: Translate): TableProps.AriaLabels<Row> => ({
  tableLabel: t('images.title'),
  selectionGroupLabel: t('images.select'),
  allItemsSelectionLabel: () => t('common.selectAll'),
  itemSelectionLabel: (_state, row) => t('images.selectOne', { image: nameOf(row) }),
  expandButtonLabel: (row) => t('images.unfold', { image: nameOf(row) }),
  collapseButtonLabel: (row) => t('images.fold', { image: nameOf(row) }),
});

function Empty({ filtered, failed, push }: { filtered: boolean; failed: boolean; push: () => void }) {
  const { t } = useLanguage();
  if (failed) return null;
  return (
    <Box textAlign="center" padding={{ vertical: 'm' }}>
      <SpaceBetween size="m">
        <b>{t(filtered ? 'images.noMatch' : 'images.none')}</b>
        <Box variant="p" color="text-body-secondary">
          {t(filtered ? 'images.noMatchHint' : 'images.noneHint')}
        </Box>
        {filtered ? (
          <Button onClick={() => refine({ q: undefined, tagged: undefined, type: undefined })}>
            {t('images.clear')}
          </Button>
        ) : (
          <Button onClick={push}>{t('images.push')}</Button>
        )}
      </SpaceBetween>
    </Box>
  );
}

interface ActionsProperties {
  selected: number;
  loading: boolean;
  refresh: () => void;
  open: (dialog: Dialog) => void;
}

function Actions({ selected, loading, refresh, open }: ActionsProperties) {
  const { t } = useLanguage();
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Button iconName="refresh" ariaLabel={t('common.refresh')} loading={loading} onClick={refresh} />
      <Button
        disabled={selected === 0}
        disabledReason={t('images.selectFirst')}
        onClick={() => open('delete')}
      >
        {t('common.delete')}
      </Button>
      <Button
        disabled={selected !== 1}
        disabledReason={t('images.selectOneFirst')}
        onClick={() => open('tag')}
      >
        {t('images.addTag')}
      </Button>
    </SpaceBetween>
  );
}
