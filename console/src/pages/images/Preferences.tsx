import CollectionPreferences from '@cloudscape-design/components/collection-preferences';
import type { TableProps } from '@cloudscape-design/components/table';
import { useLanguage } from '../../i18n';
import { type Paging, pageSizes } from '../../lib/paging';
import { useRemembered } from '../../lib/remembered';
import type { Row } from './rows';

/** useHidden are the columns that the user does not want to see. */
export function useHidden(): [hidden: string[], hide: (ids: string[]) => void] {
  const [hidden, hide] = useRemembered('images.hidden');
  return [hidden.split(' ').filter(Boolean), (ids) => hide(ids.join(' '))];
}

interface Properties {
  columns: TableProps.ColumnDefinition<Row>[];
  hidden: string[];
  hide: (ids: string[]) => void;
  paging: Paging;
}

/** Preferences are which columns the table has, and how many rows a page. */
export default function Preferences({ columns, hidden, hide, paging }: Properties) {
  const { t } = useLanguage();
  return (
    <CollectionPreferences
      title={t('images.preferences')}
      confirmLabel={t('images.confirm')}
      cancelLabel={t('common.cancel')}
      preferences={{
        pageSize: paging.size,
        contentDisplay: columns.map(({ id = '' }) => ({ id, visible: !hidden.includes(id) })),
      }}
      pageSizePreference={{
        title: t('images.pageSize'),
        options: pageSizes.map((value) => ({ value, label: t('images.rows', { n: value }) })),
      }}
      contentDisplayPreference={{
        title: t('images.columns'),
        options: columns.map(({ id = '', header }) => ({
          id,
          label: String(header),
          alwaysVisible: id === 'tags',
        })),
      }}
      onConfirm={({ detail }) => {
        hide((detail.contentDisplay ?? []).filter((one) => !one.visible).map((one) => one.id));
        if (detail.pageSize && detail.pageSize !== paging.size) paging.resize(detail.pageSize);
      }}
    />
  );
}
