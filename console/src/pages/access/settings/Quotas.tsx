import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Table from '@cloudscape-design/components/table';
import { useClients } from '../../../api/clients';
import type { Quota } from '../../../api/nifuda.gen';
import Cli from '../../../components/Cli';
import ErrorAlert from '../../../components/ErrorAlert';
import type { Locale } from '../../../i18n/messages';
import { bytes, count } from '../../../lib/format';
import { useLoad } from '../../../lib/load';
import { type TranslateText, useTexts } from '../useTexts';

const noLimit = -1;

function amountOf(value: number | undefined, unit: Quota['Unit'], t: TranslateText, locale: Locale): string {
  if (value === undefined) return '';
  if (value === noLimit) return t('settings.noLimit');
  if (unit === 'bytes') return bytes(value, locale);
  const number = count(value, locale);
  return unit === 'per-second' ? t('settings.perSecond', { n: number }) : number;
}

/** Quotas are what the account holds, and what it may hold. They are changed by nifuda's own command. */
export default function Quotas() {
  const { t, locale } = useTexts();
  const { own } = useClients();
  const usage = useLoad((signal) => own('DescribeUsage', {}, signal), [own]);
  const quotas = useLoad((signal) => own('ListQuotas', {}, signal), [own]);
  const used = usage.data?.Usage;
  return (
    <SpaceBetween size="l">
      <Container
        header={
          <Header variant="h2" description={t('settings.usageText')}>
            {t('settings.usage')}
          </Header>
        }
      >
        <SpaceBetween size="m">
          <ErrorAlert error={usage.error} retry={usage.reload} />
          {usage.loading && !used && <Spinner />}
          {used && (
            <KeyValuePairs
              columns={4}
              items={[
                { label: t('settings.repositories'), value: count(used.Repositories, locale) },
                { label: t('settings.images'), value: count(used.Images, locale) },
                { label: t('settings.layers'), value: count(used.Layers, locale) },
                { label: t('settings.bytes'), value: bytes(used.Bytes, locale) },
              ]}
            />
          )}
          <Cli commands={[['nifuda', 'quota', 'usage']]} />
        </SpaceBetween>
      </Container>
      <ErrorAlert error={quotas.error} retry={quotas.reload} />
      <Table
        items={quotas.data?.Quotas ?? []}
        trackBy="Name"
        loading={quotas.loading && !quotas.data}
        loadingText={t('common.loading')}
        wrapLines
        ariaLabels={{ tableLabel: t('settings.quotas') }}
        empty={t('settings.noQuotas')}
        header={
          <Header variant="h2" description={t('settings.quotasText')}>
            {t('settings.quotas')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'name',
            header: t('settings.name'),
            isRowHeader: true,
            minWidth: 180,
            cell: ({ Name }) => Name,
          },
          {
            id: 'value',
            header: t('settings.value'),
            minWidth: 120,
            cell: ({ Value, Unit }) => amountOf(Value, Unit, t, locale),
          },
          {
            id: 'ecr',
            header: 'Amazon ECR',
            minWidth: 120,
            cell: ({ EcrValue, Unit }) => amountOf(EcrValue, Unit, t, locale),
          },
          {
            id: 'set',
            header: t('settings.wasSet'),
            minWidth: 90,
            cell: (one) => t(one.Set ? 'iam.yes' : 'iam.no'),
          },
        ]}
        footer={
          <Cli
            commands={[
              ['nifuda', 'quota', 'list'],
              ['nifuda', 'quota', 'set', '--help'],
            ]}
          />
        }
      />
    </SpaceBetween>
  );
}
