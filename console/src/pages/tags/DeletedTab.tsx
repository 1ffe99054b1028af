import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import type { DeletedImage } from '../../api/nifuda.gen';
import ErrorAlert from '../../components/ErrorAlert';
import Pager from '../../components/Pager';
import Time from '../../components/Time';
import Who from '../../components/Who';
import { useLanguage } from '../../i18n';
import type { Locale, Translate } from '../../i18n/messages';
import { bytes, shortDigest } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { refine, usePaging } from '../../lib/paging';
import { usePlace } from '../../lib/router';
import { isDigest } from './api';
import { checkTag } from './outlook';
import Preferences, { useColumns } from './Preferences';
import RestoreImagesDialog from './RestoreImagesDialog';
import UndeleteWindow from './UndeleteWindow';
import { useUndeleteWindow } from './useUndeleteWindow';

const digest = /^sha256:[0-9a-f]{64}$/;

/** DeletedTab lists the deleted images of a repository, and brings them back. */
export default function DeletedTab({ repository }: { repository: string }) {
  const { t, locale } = useLanguage();
  const { own } = useClients();
  const { query } = usePlace();
  const paging = usePaging();
  const find = query.get('find') ?? '';
  const seconds = useUndeleteWindow();
  const definitions = deletedColumns(t, locale);
  const columns = useColumns('deletedImages', definitions);
  const [selected, setSelected] = useState<DeletedImage[]>([]);
  const [restoring, setRestoring] = useState(false);
  const { data, error, loading, reload } = useLoad(
    (signal) => {
      const by = !find ? {} : isDigest(find) ? { ImageDigest: find } : { ImageTag: find };
      const page = { MaxResults: paging.size, NextToken: paging.token };
      return own('ListDeletedImages', { RepositoryName: repository, ...by, ...page }, signal);
    },
    [own, repository, find, paging.size, paging.token],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows that are no longer shown are not selected either
  useEffect(() => setSelected([]), [data]);
  return (
    <SpaceBetween size="m">
      <UndeleteWindow seconds={seconds} />
      <ErrorAlert error={error} retry={reload} />
      <Table
        variant="container"
        stickyHeader
        resizableColumns
        wrapLines
        stickyColumns={{ first: 1 }}
        trackBy="DeletionId"
        selectionType="multi"
        selectedItems={selected}
        onSelectionChange={(e) => setSelected(e.detail.selectedItems)}
        ariaLabels={{
          tableLabel: t('tags.deletedImages'),
          selectionGroupLabel: t('tags.selection'),
          allItemsSelectionLabel: () => t('common.selectAll'),
          itemSelectionLabel: (_, one) => `${shortDigest(one.ImageDigest)} ${one.ImageTags.join(' ')}`,
        }}
        loading={loading && !data}
        loadingText={t('common.loading')}
        items={data?.DeletedImages ?? []}
        columnDefinitions={definitions}
        visibleColumns={columns.shown}
        header={
          <Header
            variant="h2"
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={t('common.refresh')} onClick={reload} />
                <Button variant="primary" disabled={selected.length === 0} onClick={() => setRestoring(true)}>
                  {t('tags.restore')}
                </Button>
              </SpaceBetween>
            }
          >
            {t('tags.deletedImages')}
          </Header>
        }
        filter={<Find value={find} />}
        pagination={<Pager paging={paging} next={data?.NextToken} disabled={loading} />}
        preferences={<Preferences paging={paging} columns={columns} />}
        empty={<Empty find={find} />}
      />
      <RestoreImagesDialog
        repository={repository}
        images={selected}
        visible={restoring}
        onClose={() => setRestoring(false)}
        onDone={reload}
      />
    </SpaceBetween>
  );
}

const deletedColumns = (t: Translate, locale: Locale): TableProps.ColumnDefinition<DeletedImage>[] => [
  {
    id: 'digest',
    header: t('tags.digest'),
    isRowHeader: true,
    width: 190,
    cell: (one) => <span title={one.ImageDigest}>{shortDigest(one.ImageDigest)}</span>,
  },
  {
    id: 'tags',
    header: t('tags.hadTags'),
    width: 200,
    cell: (one) => one.ImageTags.join(', ') || t('common.none'),
  },
  { id: 'by', header: t('tags.deletedBy'), width: 150, cell: (one) => <Who arn={one.DeletedBy} /> },
  { id: 'at', header: t('tags.deletedAt'), width: 140, cell: (one) => <Time at={one.DeletedAt} /> },
  { id: 'until', header: t('tags.until'), width: 150, cell: (one) => <Time at={one.RestorableUntil} /> },
  {
    id: 'size',
    header: t('tags.size'),
    width: 110,
    cell: (one) => (one.ImageSizeInBytes === undefined ? '–' : bytes(one.ImageSizeInBytes, locale)),
  },
  { id: 'pushed', header: t('tags.pushedAt'), width: 140, cell: (one) => <Time at={one.ImagePushedAt} /> },
];

// The server finds whole tags and digests: what is not finished yet is not sent.
function Find({ value }: { value: string }) {
  const { t } = useLanguage();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const search = (asked: string) => {
    if (asked === '' || digest.test(asked) || !checkTag(asked)) refine({ find: asked || undefined });
  };
  return (
    <TextFilter
      filteringText={text}
      filteringPlaceholder={t('tags.findDeleted')}
      filteringAriaLabel={t('tags.findDeleted')}
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
        <b>{t(find ? 'tags.noMatch' : 'tags.noDeletedImages')}</b>
        {find && <Button onClick={() => refine({ find: undefined })}>{t('tags.clear')}</Button>}
      </SpaceBetween>
    </Box>
  );
}
