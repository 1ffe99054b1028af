import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import type { FoundTag } from '../../api/nifuda.gen';
import ErrorAlert from '../../components/ErrorAlert';
import Pager from '../../components/Pager';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import { refine, usePaging } from '../../lib/paging';
import { follow, go, href, usePlace } from '../../lib/router';
import { useTyped } from '../../lib/typed';
import { settingOf } from './api';
import { compareQuery } from './compare';
import Preferences, { useColumns } from './Preferences';
import RemoveTagDialog from './RemoveTagDialog';
import TagDialog from './TagDialog';
import { tagColumns } from './tagColumns';

type Open = { what: 'add' | 'move' | 'remove'; tag?: string } | null;

/** TagsTab lists the tags of a repository with where they point, and moves, removes and compares them. */
export default function TagsTab({ repository }: { repository: string }) {
  const { t, locale } = useLanguage();
  const { ecr, own } = useClients();
  const { query } = usePlace();
  const paging = usePaging();
  const prefix = query.get('prefix') ?? '';
  const [selected, setSelected] = useState<FoundTag[]>([]);
  const [open, setOpen] = useState<Open>(null);
  const { data, error, loading, reload } = useLoad(
    (signal) =>
      own(
        'SearchTags',
        {
          RepositoryName: repository,
          Prefix: prefix || undefined,
          MaxResults: paging.size,
          NextToken: paging.token,
        },
        signal,
      ),
    [own, repository, prefix, paging.size, paging.token],
  );
  const { data: setting } = useLoad((signal) => settingOf(ecr, repository, signal), [ecr, repository]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows that are no longer shown are not selected either
  useEffect(() => setSelected([]), [data]);

  const definitions = tagColumns(repository, setting, t, locale);
  const columns = useColumns('tags', definitions);
  const only = selected.length === 1 ? selected[0].ImageTag : undefined;
  const compare = () => {
    const [a, b] = selected.map(({ ImageTag }) => ImageTag);
    go(href(`/repositories/${repository}`, { compare: compareQuery(a, b) }));
  };
  const timeline = href(`/repositories/${repository}`, { tag: only });
  return (
    <>
      {error ? <ErrorAlert error={error} retry={reload} /> : null}
      <Table
        variant="container"
        stickyHeader
        resizableColumns
        wrapLines
        stickyColumns={{ first: 1 }}
        trackBy="ImageTag"
        selectionType="multi"
        selectedItems={selected}
        onSelectionChange={(e) => setSelected(e.detail.selectedItems)}
        ariaLabels={{
          tableLabel: t('tags.title'),
          selectionGroupLabel: t('tags.selection'),
          allItemsSelectionLabel: () => t('common.selectAll'),
          itemSelectionLabel: (_, tag) => tag.ImageTag,
        }}
        loading={loading && !data}
        loadingText={t('common.loading')}
        items={data?.Tags ?? []}
        columnDefinitions={definitions}
        visibleColumns={columns.shown}
        header={
          <Header
            variant="h2"
            actions={
              <SpaceBetween direction="horizontal" size="xs">
                <Button iconName="refresh" ariaLabel={t('common.refresh')} onClick={reload} />
                <Button disabled={!only} href={only && timeline} onFollow={follow}>
                  {t('tags.timeline')}
                </Button>
                <Button disabled={selected.length !== 2} onClick={compare}>
                  {t('tags.compare')}
                </Button>
                <Button disabled={!only} onClick={() => setOpen({ what: 'move', tag: only })}>
                  {t('tags.move')}
                </Button>
                <Button disabled={!only} onClick={() => setOpen({ what: 'remove', tag: only })}>
                  {t('tags.remove')}
                </Button>
                <Button variant="primary" onClick={() => setOpen({ what: 'add' })}>
                  {t('tags.add')}
                </Button>
              </SpaceBetween>
            }
          >
            {t('tags.title')}
          </Header>
        }
        filter={<PrefixFilter />}
        pagination={<Pager paging={paging} next={data?.NextToken} disabled={loading} />}
        preferences={<Preferences paging={paging} columns={columns} />}
        empty={<Empty prefix={prefix} onAdd={() => setOpen({ what: 'add' })} />}
      />
      <TagDialog
        repository={repository}
        tag={open?.what === 'move' ? open.tag : undefined}
        visible={open?.what === 'add' || open?.what === 'move'}
        onClose={() => setOpen(null)}
        onDone={reload}
      />
      <RemoveTagDialog
        repository={repository}
        tag={open?.tag ?? ''}
        visible={open?.what === 'remove'}
        onClose={() => setOpen(null)}
        onDone={reload}
      />
    </>
  );
}

function PrefixFilter() {
  const { t } = useLanguage();
  const [text, type] = useTyped('prefix');
  return (
    <TextFilter
      filteringText={text}
      filteringPlaceholder={t('tags.prefix')}
      filteringAriaLabel={t('tags.prefix')}
      onChange={(e) => type(e.detail.filteringText.replace(/[^A-Za-z0-9._-]/g, ''))}
    />
  );
}

function Empty({ prefix, onAdd }: { prefix: string; onAdd: () => void }) {
  const { t } = useLanguage();
  return (
    <Box textAlign="center" color="inherit">
      <SpaceBetween size="m">
        <b>{t(prefix ? 'tags.noMatch' : 'tags.none')}</b>
        {prefix ? (
          <Button onClick={() => refine({ prefix: undefined })}>{t('tags.clear')}</Button>
        ) : (
          <Button onClick={onAdd}>{t('tags.add')}</Button>
        )}
      </SpaceBetween>
    </Box>
  );
}
