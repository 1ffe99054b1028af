import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import { useLanguage } from '../../i18n';
import type { Pair } from '../../lib/json';
import LongText from './LongText';

const step = 50;

interface Properties {
  label: string;
  pairs: Pair[];
  empty: string;
  /** Whether the label stands above the table. */
  titled?: boolean;
}

/** PairsTable shows names and what they stand for, as far as the user wants to see. */
export default function PairsTable({ label, pairs, empty, titled }: Properties) {
  const { t } = useLanguage();
  const [most, setMost] = useState(step);
  return (
    <SpaceBetween size="s">
      <Table
        variant={titled ? 'embedded' : 'borderless'}
        wrapLines
        items={pairs.slice(0, most).map(([name, value], id) => ({ id, name, value }))}
        trackBy={(item) => String(item.id)}
        ariaLabels={{ tableLabel: label }}
        header={titled && <Header variant="h3">{label}</Header>}
        empty={<Box color="text-status-inactive">{empty}</Box>}
        columnDefinitions={[
          {
            id: 'name',
            header: t('images.name'),
            cell: (item) => <LongText text={item.name} />,
            isRowHeader: true,
            width: '38%',
          },
          { id: 'value', header: t('images.value'), cell: (item) => <LongText text={item.value} /> },
        ]}
      />
      {pairs.length > most && (
        <Button onClick={() => setMost(most + step)}>{t('images.more', { n: pairs.length - most })}</Button>
      )}
    </SpaceBetween>
  );
}
