import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { type ReactNode, useState } from 'react';
import ErrorAlert from '../../components/ErrorAlert';
import Pager from '../../components/Pager';
import { type Loading, useLatest } from '../../lib/load';
import type { Paging } from '../../lib/paging';
import { setQuery, usePlace } from '../../lib/router';
import { useTexts } from './useTexts';

/** A Page is a part of a list, and where the next begins. */
export interface Page<T> {
  items: T[];
  next?: string;
}

interface Properties<T> {
  title: string;
  description: string;
  heading?: 'h1' | 'h2';
  columns: TableProps.ColumnDefinition<T>[];
  page: Loading<Page<T>>;
  paging: Paging;
  nameOf: (one: T) => string;
  empty: string;
  /** Buttons for what is selected; the last is the main one. */
  actions?: (selected: T | undefined) => ReactNode;
  create?: ReactNode;
  filters?: ReactNode;
}

/** Listing is a list that the server gives page by page; what is loaded is narrowed by the beginning of names. */
export default function Listing<T>(p: Properties<T>) {
  const { t } = useTexts();
  const { query } = usePlace();
  const prefix = query.get('q') ?? '';
  const found = useLatest(p.page.data);
  const all = found?.items ?? [];
  const items = all.filter((one) => p.nameOf(one).toLowerCase().startsWith(prefix.toLowerCase()));
  const [picked, setPicked] = useState<string>();
  const selected = items.find((one) => p.nameOf(one) === picked);
  return (
    <Table
      variant="full-page"
      stickyHeader
      stickyColumns={{ first: 1 }}
      wrapLines
      trackBy={p.nameOf}
      loading={p.page.loading && !found}
      loadingText={t('common.loading')}
      items={items}
      columnDefinitions={p.columns.map((one) => ({ minWidth: 140, ...one }))}
      selectionType={p.actions ? 'single' : undefined}
      selectedItems={selected ? [selected] : []}
      onSelectionChange={(e) => setPicked(p.nameOf(e.detail.selectedItems[0]))}
      ariaLabels={{
        tableLabel: p.title,
        selectionGroupLabel: t('iam.select'),
        itemSelectionLabel: (_, one) => p.nameOf(one),
      }}
      header={
        <Header
          variant="awsui-h1-sticky"
          counter={found && `(${all.length}${found.next || p.paging.page > 1 ? '+' : ''})`}
          description={p.description}
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button iconName="refresh" ariaLabel={t('common.refresh')} onClick={p.page.reload} />
              {p.actions?.(selected)}
              {p.create}
            </SpaceBetween>
          }
        >
          {p.title}
        </Header>
      }
      filter={
        <SpaceBetween size="s">
          <div className="filters">
            <div className="filter-text">
              <TextFilter
                filteringText={prefix}
                filteringPlaceholder={t('iam.find')}
                filteringAriaLabel={t('iam.find')}
                countText={prefix && t('common.matches', { n: items.length })}
                onChange={(e) => setQuery({ q: e.detail.filteringText || undefined })}
              />
            </div>
            {p.filters}
          </div>
          <ErrorAlert error={p.page.error} retry={p.page.reload} />
        </SpaceBetween>
      }
      pagination={<Pager paging={p.paging} next={found?.next} disabled={p.page.loading} />}
      empty={
        p.page.error ? null : (
          <Empty text={prefix ? t('iam.noMatch') : p.empty} create={!prefix && p.create} />
        )
      }
    />
  );
}

function Empty({ text, create }: { text: string; create: ReactNode }) {
  return (
    <Box textAlign="center" padding="l">
      <SpaceBetween size="m">
        <Box variant="strong">{text}</Box>
        {create}
      </SpaceBetween>
    </Box>
  );
}
