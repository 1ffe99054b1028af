import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import TextFilter from '@cloudscape-design/components/text-filter';
import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import Pager from '../../components/Pager';
import Time from '../../components/Time';
import Who from '../../components/Who';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import { refine, usePaging } from '../../lib/paging';
import { usePlace } from '../../lib/router';
import { aws } from '../../lib/shell';
import { type Call, callOf } from './auditRecord';
import Detail from './Detail';

/** AuditTrail lists the calls that the node which answers has allowed or refused. */
export default function AuditTrail() {
  const { t } = useLanguage();
  const { own } = useClients();
  const paging = usePaging();
  const find = usePlace().query.get('find') ?? undefined;
  const { data, error, loading, reload } = useLoad(
    (signal) =>
      own('ListAuditRecords', { Query: find, MaxResults: paging.size, NextToken: paging.token }, signal),
    [own, find, paging.size, paging.token],
  );
  return (
    <SpaceBetween size="m">
      <ErrorAlert error={error} retry={reload} />
      <Table<Call>
        variant="container"
        stickyHeader
        wrapLines
        trackBy="key"
        loading={loading && !data}
        loadingText={t('common.loading')}
        items={(data?.Records ?? []).map(callOf)}
        ariaLabels={{ tableLabel: t('insight.audit') }}
        header={
          <Header
            variant="h2"
            description={t('insight.auditHint')}
            actions={<Button iconName="refresh" ariaLabel={t('common.refresh')} onClick={reload} />}
          >
            {t('insight.audit')}
          </Header>
        }
        filter={<Find value={find ?? ''} />}
        pagination={<Pager paging={paging} next={data?.NextToken} disabled={loading} />}
        columnDefinitions={[
          { id: 'when', header: t('insight.when'), minWidth: 130, cell: (call) => <Time at={call.at} /> },
          {
            id: 'operation',
            header: t('insight.operation'),
            isRowHeader: true,
            minWidth: 180,
            cell: (call) => call.operation,
          },
          {
            id: 'outcome',
            header: t('insight.outcome'),
            minWidth: 160,
            cell: (call) => <Outcome refusal={call.refusal} />,
          },
          { id: 'who', header: t('insight.who'), minWidth: 120, cell: (call) => <Who arn={call.who} /> },
          { id: 'source', header: t('insight.source'), minWidth: 120, cell: (call) => call.source },
          {
            id: 'detail',
            header: t('insight.detail'),
            minWidth: 160,
            cell: (call) => <Detail json={call.json} />,
          },
        ]}
        empty={
          <Box textAlign="center">
            <SpaceBetween size="s">
              <b>{t('insight.noEvents')}</b>
              {data?.NextToken && (
                <Button onClick={() => paging.turn(paging.page + 1, data.NextToken)}>
                  {t('insight.older')}
                </Button>
              )}
            </SpaceBetween>
          </Box>
        }
      />
      <Cli commands={[aws('nifuda', 'list-audit-records', { query: find })]} />
    </SpaceBetween>
  );
}

function Outcome({ refusal }: { refusal?: string }) {
  const { t } = useLanguage();
  if (!refusal) return <StatusIndicator type="success">{t('insight.allowed')}</StatusIndicator>;
  return <StatusIndicator type="error">{refusal}</StatusIndicator>;
}

function Find({ value }: { value: string }) {
  const { t } = useLanguage();
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <TextFilter
      filteringText={text}
      filteringPlaceholder={t('insight.find')}
      filteringAriaLabel={t('insight.find')}
      onChange={(e) => setText(e.detail.filteringText)}
      onDelayedChange={(e) => refine({ find: e.detail.filteringText || undefined })}
    />
  );
}
