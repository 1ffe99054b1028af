import CollectionPreferences from '@cloudscape-design/components/collection-preferences';
import type { TableProps } from '@cloudscape-design/components/table';
import { useLanguage } from '../../i18n';
import { type Paging, pageSizes } from '../../lib/paging';
import { useRemembered } from '../../lib/remembered';

/** useColumns is which columns of a table are shown. The browser remembers which are not: a new column is shown. */
export function useColumns<T>(table: string, columns: TableProps.ColumnDefinition<T>[]) {
  const [hidden, hide] = useRemembered(`${table}.hidden`);
  const all = columns.flatMap(({ id }) => id ?? []);
  const gone = hidden.split(' ');
  return {
    options: columns.map(({ id, header, isRowHeader }) => ({
      id: id ?? '',
      label: String(header),
      editable: !isRowHeader,
    })),
    shown: all.filter((id) => !gone.includes(id)),
    show: (ids: readonly string[]) => hide(all.filter((id) => !ids.includes(id)).join(' ')),
  };
}

interface Properties {
  paging: Paging;
  columns: ReturnType<typeof useColumns>;
}

/** Preferences ask how many rows a page has, and which columns. */
export default function Preferences({ paging, columns }: Properties) {
  const { t } = useLanguage();
  return (
    <CollectionPreferences
      title={t('tags.preferences')}
      confirmLabel={t('tags.confirm')}
      cancelLabel={t('common.cancel')}
      preferences={{ pageSize: paging.size, visibleContent: columns.shown }}
      pageSizePreference={{
        title: t('tags.pageSize'),
        options: pageSizes.map((value) => ({ value, label: t('tags.rows', { n: value }) })),
      }}
      visibleContentPreference={{
        title: t('tags.columns'),
        options: [{ label: t('tags.shownColumns'), options: columns.options }],
      }}
      onConfirm={({ detail }) => {
        if (detail.visibleContent) columns.show(detail.visibleContent);
        if (detail.pageSize && detail.pageSize !== paging.size) paging.resize(detail.pageSize);
      }}
    />
  );
}
