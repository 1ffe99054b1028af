import Box from '@cloudscape-design/components/box';
import Pagination from '@cloudscape-design/components/pagination';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import { useMemo, useState } from 'react';
import type { ImageLayer } from '../../api/nifuda.gen';
import Copy from '../../components/Copy';
import { useLanguage } from '../../i18n';
import type { Locale, Translate } from '../../i18n/messages';
import { bytes, count, shortDigest } from '../../lib/format';
import { pairValue } from '../../lib/json';
import { instruction, type Step, stepsOf } from './history';
import LongText from './LongText';
import type { LoadedImage } from './loadImage';

interface Row extends Step<ImageLayer> {
  place: number;
  what: string;
}

const pageSize = 50;
const cap = 1000;

function rowsOf({ content, configuration, manifest }: LoadedImage): Row[] {
  const titles = new Map(
    manifest?.layers.map((one) => [one.digest, pairValue(one.annotations, 'org.opencontainers.image.title')]),
  );
  return stepsOf(content.Layers, configuration?.history ?? []).map((step, place) => ({
    ...step,
    place,
    what:
      instruction(step.entry?.createdBy ?? step.entry?.comment ?? '') ||
      titles.get(step.layer?.Digest ?? '') ||
      step.layer?.MediaType ||
      '-',
  }));
}

/** Layers are what an image is made of, with the commands that made them. */
export default function Layers({ image }: { image: LoadedImage }) {
  const { t, locale } = useLanguage();
  const rows = useMemo(() => rowsOf(image), [image]);
  const [page, setPage] = useState(1);
  const columns = useMemo(() => columnsOf(t, locale), [t, locale]);
  const total = image.content.Layers.reduce((sum, layer) => sum + layer.Size, 0);
  return (
    <SpaceBetween size="s">
      <Box color="text-body-secondary">
        {t('images.layersTotal', {
          n: count(image.content.Layers.length, locale),
          size: bytes(total, locale),
          unique: bytes(image.content.UniqueBytes, locale),
        })}
      </Box>
      <Table
        variant="borderless"
        wrapLines
        items={rows.slice((page - 1) * pageSize, page * pageSize)}
        trackBy={(row) => String(row.place)}
        columnDefinitions={columns}
        ariaLabels={{ tableLabel: t('images.layers') }}
        pagination={
          rows.length > pageSize && (
            <Pagination
              currentPageIndex={page}
              pagesCount={Math.ceil(rows.length / pageSize)}
              onChange={(e) => setPage(e.detail.currentPageIndex)}
            />
          )
        }
      />
    </SpaceBetween>
  );
}

function columnsOf(t: Translate, locale: Locale): TableProps.ColumnDefinition<Row>[] {
  return [
    { id: 'place', header: t('images.step'), cell: (row) => row.place + 1, width: 65, minWidth: 65 },
    {
      id: 'what',
      header: t('images.command'),
      isRowHeader: true,
      minWidth: 180,
      cell: (row) => (
        <Box variant="code" color={row.layer ? undefined : 'text-body-secondary'}>
          <LongText text={row.what} />
        </Box>
      ),
    },
    {
      id: 'size',
      header: t('images.size'),
      width: 95,
      minWidth: 95,
      cell: ({ layer }) =>
        layer ? bytes(layer.Size, locale) : <Box color="text-body-secondary">{t('images.emptyLayer')}</Box>,
    },
    {
      id: 'shared',
      header: t('images.sharedWith'),
      width: 135,
      minWidth: 130,
      cell: ({ layer }) =>
        layer && (
          <>
            {sharing(layer, t, locale)}
            {layer.Damaged && <StatusIndicator type="error">{t('images.damaged')}</StatusIndicator>}
          </>
        ),
    },
    {
      id: 'digest',
      header: t('images.digest'),
      width: 215,
      minWidth: 215,
      cell: ({ layer }) => layer && <Copy text={layer.Digest} shown={shortDigest(layer.Digest)} />,
    },
  ];
}

const many = (n: number, locale: Locale) => count(n, locale) + (n >= cap ? '+' : '');

function sharing({ OtherImages, OtherRepositories }: ImageLayer, t: Translate, locale: Locale): string {
  if (OtherImages === 0 && OtherRepositories === 0) return t('images.onlyHere');
  const images = OtherImages > 0 && t('images.otherImages', { n: many(OtherImages, locale) });
  const repositories =
    OtherRepositories > 0 && t('images.otherRepositories', { n: many(OtherRepositories, locale) });
  return [images, repositories].filter(Boolean).join(t('images.and'));
}
