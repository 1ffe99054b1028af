import Badge, { type BadgeProps } from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Header from '@cloudscape-design/components/header';
import Pagination from '@cloudscape-design/components/pagination';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import { useLanguage } from '../../i18n';
import { bytes, shortDigest } from '../../lib/format';
import { type LayerDifference, layersDiff, type Side } from './diff';

const colors: Record<LayerDifference['side'], BadgeProps['color']> = {
  both: 'grey',
  left: 'red',
  right: 'green',
};
const texts = { both: 'tags.inBoth', left: 'tags.onlyLeft', right: 'tags.onlyRight' } as const;

const pageSize = 50;

/** LayersTable lists the layers of two images, and which of them has each. */
export function LayersTable({ left, right }: { left: Side; right: Side }) {
  const { t, locale } = useLanguage();
  const [page, setPage] = useState(1);
  const layers = layersDiff(left, right).map((layer, i) => ({ ...layer, key: `${i} ${layer.digest}` }));
  const pages = Math.max(1, Math.ceil(layers.length / pageSize));
  const current = Math.min(page, pages);
  return (
    <Table
      variant="container"
      wrapLines
      stickyColumns={{ first: 1 }}
      ariaLabels={{ tableLabel: t('tags.layers') }}
      items={layers.slice((current - 1) * pageSize, current * pageSize)}
      trackBy="key"
      header={
        <Header variant="h2" counter={`(${layers.length})`}>
          {t('tags.layers')}
        </Header>
      }
      pagination={
        pages > 1 && (
          <Pagination
            currentPageIndex={current}
            pagesCount={pages}
            onChange={(e) => setPage(e.detail.currentPageIndex)}
          />
        )
      }
      empty={<Box textAlign="center">{t('tags.noLayers')}</Box>}
      columnDefinitions={[
        {
          id: 'digest',
          header: t('tags.layer'),
          isRowHeader: true,
          minWidth: 180,
          cell: ({ digest }) => <span title={digest}>{shortDigest(digest)}</span>,
        },
        {
          id: 'side',
          header: t('tags.where'),
          minWidth: 120,
          cell: ({ side }) => <Badge color={colors[side]}>{t(texts[side])}</Badge>,
        },
        { id: 'size', header: t('tags.size'), minWidth: 100, cell: ({ size }) => bytes(size, locale) },
        {
          id: 'command',
          header: t('tags.command'),
          minWidth: 260,
          cell: ({ command }) =>
            command ? (
              <span className="anywhere">
                <Box variant="code">{command}</Box>
              </span>
            ) : (
              '–'
            ),
        },
      ]}
    />
  );
}
