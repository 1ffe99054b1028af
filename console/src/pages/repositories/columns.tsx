import Link from '@cloudscape-design/components/link';
import type { TableProps } from '@cloudscape-design/components/table';
import type { FoundRepository } from '../../api/nifuda.gen';
import Copy from '../../components/Copy';
import Time from '../../components/Time';
import type { Locale, Translate } from '../../i18n/messages';
import { bytes, count } from '../../lib/format';
import { follow, href } from '../../lib/router';
import MutabilityView from './MutabilityView';

/** columnsOf are the columns of the table of repositories; the field that one is sorted by is its id. */
export function columnsOf(t: Translate, locale: Locale): TableProps.ColumnDefinition<FoundRepository>[] {
  return [
    {
      id: 'name',
      header: t('repositories.name'),
      isRowHeader: true,
      sortingField: 'name',
      width: 260,
      minWidth: 160,
      cell: (r) => (
        <Link href={href(`/repositories/${r.RepositoryName}`)} onFollow={follow}>
          {r.RepositoryName}
        </Link>
      ),
    },
    {
      id: 'uri',
      header: t('repositories.uri'),
      width: 340,
      minWidth: 160,
      cell: (r) => <Copy text={r.RepositoryUri} />,
    },
    {
      id: 'created',
      header: t('repositories.created'),
      sortingField: 'created',
      width: 150,
      cell: (r) => <Time at={r.CreatedAt} />,
    },
    {
      id: 'mutability',
      header: t('repositories.mutability'),
      width: 240,
      cell: (r) => <MutabilityView mode={r.TagMutability} filters={r.TagFilters} />,
    },
    {
      id: 'scan',
      header: t('repositories.scanOnPush'),
      width: 150,
      cell: (r) => t(r.ScanOnPush ? 'repositories.on' : 'repositories.off'),
    },
    {
      id: 'encryption',
      header: t('repositories.encryption'),
      width: 140,
      cell: (r) => r.EncryptionType,
    },
    {
      id: 'images',
      header: t('repositories.images'),
      sortingField: 'images',
      width: 120,
      cell: (r) => count(r.Images, locale),
    },
    {
      id: 'size',
      header: t('repositories.size'),
      sortingField: 'size',
      width: 120,
      cell: (r) => bytes(r.Bytes, locale),
    },
  ];
}
