import CollectionPreferences from '@cloudscape-design/components/collection-preferences';
import { useLanguage } from '../../i18n';
import { type Paging, pageSizes } from '../../lib/paging';

/** PageSize asks how many rows a page has. */
export default function PageSize({ paging }: { paging: Paging }) {
  const { t } = useLanguage();
  return (
    <CollectionPreferences
      title={t('tags.preferences')}
      confirmLabel={t('tags.confirm')}
      cancelLabel={t('common.cancel')}
      preferences={{ pageSize: paging.size }}
      pageSizePreference={{
        title: t('tags.pageSize'),
        options: pageSizes.map((value) => ({ value, label: t('tags.rows', { n: value }) })),
      }}
      onConfirm={(e) => paging.resize(e.detail.pageSize ?? paging.size)}
    />
  );
}
