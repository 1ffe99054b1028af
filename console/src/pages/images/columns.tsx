import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { TableProps } from '@cloudscape-design/components/table';
import Time from '../../components/Time';
import type { Locale, Translate } from '../../i18n/messages';
import { bytes, shortDigest } from '../../lib/format';
import { follow, href } from '../../lib/router';
import CopyMenu from './CopyMenu';
import type { Kind } from './kinds';
import type { Row } from './rows';
import TagLinks from './TagLinks';

/** kindName is what a kind is called in the language of the user. */
export const kindName = (kind: Kind, t: Translate) => t(`images.kind.${kind}`);

/** What the cells need besides the row. */
export interface Surroundings {
  t: Translate;
  locale: Locale;
  repository: string;
  uri: string;
}

const imageHref = (repository: string, digest: string) =>
  href(`/repositories/${repository}`, { image: digest });

function Name({ row, repository, t }: { row: Row } & Pick<Surroundings, 'repository' | 't'>) {
  const address = imageHref(repository, row.digest);
  if (row.role !== 'root') {
    return (
      <Link href={address} onFollow={follow}>
        {row.platform ?? kindName(row.kind, t)}
      </Link>
    );
  }
  if (row.tags.length > 0) {
    return (
      <TagLinks repository={repository} digest={row.digest} tags={row.tags} count={row.tagCount} most={3} />
    );
  }
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Link href={address} onFollow={follow}>
        {shortDigest(row.digest)}
      </Link>
      <Box color="text-status-inactive">{t('images.untagged')}</Box>
    </SpaceBetween>
  );
}

function KindCell({ row, t }: { row: Row; t: Translate }) {
  const role = row.refers ? t('images.referrer') : row.role === 'attestation' && t('images.buildAttestation');
  return (
    <div title={row.type}>
      <SpaceBetween direction="horizontal" size="xs">
        <span>{row.kind === 'artifact' ? (row.type ?? kindName(row.kind, t)) : kindName(row.kind, t)}</span>
        {role && <Badge>{role}</Badge>}
      </SpaceBetween>
    </div>
  );
}

function Status({ row, t }: { row: Row; t: Translate }) {
  if (row.damaged) return <StatusIndicator type="error">{t('images.damaged')}</StatusIndicator>;
  return row.role === 'root' ? <StatusIndicator>{t('images.active')}</StatusIndicator> : '-';
}

/** columnsOf are the columns of the table of images. */
export function columnsOf({ t, locale, repository, uri }: Surroundings): TableProps.ColumnDefinition<Row>[] {
  return [
    {
      id: 'tags',
      header: t('images.tags'),
      cell: (row) => <Name row={row} repository={repository} t={t} />,
      isRowHeader: true,
      width: 200,
      minWidth: 160,
    },
    { id: 'type', header: t('images.type'), cell: (row) => <KindCell row={row} t={t} />, width: 165 },
    {
      id: 'pushed',
      header: t('images.pushedAt'),
      cell: (row) => (row.pushedAt === undefined ? '-' : <Time at={row.pushedAt} />),
      sortingField: 'pushed',
      width: 145,
    },
    {
      id: 'pulled',
      header: t('images.pulledAt'),
      cell: (row) => <Time at={row.pulledAt} />,
      sortingField: 'pulled',
      width: 145,
    },
    {
      id: 'size',
      header: t('images.size'),
      cell: (row) => (row.size === undefined ? '-' : bytes(row.size, locale)),
      sortingField: 'size',
      width: 105,
    },
    {
      id: 'digest',
      header: t('images.digest'),
      cell: (row) => (
        <div className="beside">
          <Link href={imageHref(repository, row.digest)} onFollow={follow}>
            {shortDigest(row.digest)}
          </Link>
          <CopyMenu uri={uri} digest={row.digest} kind={row.kind} tags={row.tags} />
        </div>
      ),
      width: 190,
    },
    { id: 'status', header: t('images.status'), cell: (row) => <Status row={row} t={t} />, width: 120 },
  ];
}
