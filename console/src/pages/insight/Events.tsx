import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Link from '@cloudscape-design/components/link';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table, { type TableProps } from '@cloudscape-design/components/table';
import Toggle from '@cloudscape-design/components/toggle';
import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import type { RegistryEvent } from '../../api/nifuda.gen';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import Pager from '../../components/Pager';
import Time from '../../components/Time';
import Who from '../../components/Who';
import { useLanguage } from '../../i18n';
import { shortDigest } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { refine, usePaging } from '../../lib/paging';
import { follow, href, usePlace } from '../../lib/router';
import { aws } from '../../lib/shell';
import Detail from './Detail';
import { eventNames } from './eventNames';
import { useLive } from './live';

const most = 100; // rows, the new ones included

/** Events lists what happened in the registry or to one repository, and goes on by itself. */
export default function Events({ repository }: { repository?: string }) {
  const { t } = useLanguage();
  const { own } = useClients();
  const { query } = usePlace();
  const paging = usePaging();
  const filters = {
    RepositoryName: repository ?? query.get('repository') ?? undefined,
    EventName: query.get('event') ?? undefined,
    PrincipalArn: query.get('principal') ?? undefined,
  };
  const listing = JSON.stringify(filters);
  const { data, error, loading, reload } = useLoad(
    (signal) => own('ListEvents', { ...filters, MaxResults: paging.size, NextToken: paging.token }, signal),
    [own, listing, paging.size, paging.token],
  );
  const [live, setLive] = useState(true);
  const [fresh, setFresh] = useState<RegistryEvent[]>([]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page begins without what came to the last one
  useEffect(() => setFresh([]), [data]);
  const rows = [...fresh, ...(data?.Events ?? [])].slice(0, most);
  useLive(live && paging.page === 1 && Boolean(data), async (signal) => {
    const newest = rows[0]?.EventId;
    const answer = await own('ListEvents', { ...filters, NewerThan: newest, MaxResults: most }, signal);
    if (answer.Events.length > 0) setFresh((before) => [...answer.Events, ...before].slice(0, most));
  });
  return (
    <SpaceBetween size="m">
      <ErrorAlert error={error} retry={reload} />
      <Table
        variant="container"
        stickyHeader
        wrapLines
        trackBy="EventId"
        loading={loading && !data}
        loadingText={t('common.loading')}
        items={rows}
        ariaLabels={{ tableLabel: t('insight.events') }}
        columnDefinitions={useColumns(repository, fresh)}
        header={
          <Header
            variant="h2"
            counter={fresh.length > 0 ? t('insight.newRows', { n: fresh.length }) : undefined}
            actions={
              <SpaceBetween direction="horizontal" size="s" alignItems="center">
                <Toggle checked={live} onChange={(e) => setLive(e.detail.checked)}>
                  {t('insight.live')}
                </Toggle>
                <Button iconName="refresh" ariaLabel={t('common.refresh')} onClick={reload} />
              </SpaceBetween>
            }
          >
            {t('insight.events')}
          </Header>
        }
        filter={<Filters repository={repository} />}
        pagination={<Pager paging={paging} next={data?.NextToken} disabled={loading} />}
        empty={
          <Box textAlign="center">
            <SpaceBetween size="s">
              <b>{t('insight.noEvents')}</b>
              <Box variant="p">{t('insight.noEventsText')}</Box>
              {data?.NextToken && (
                <Button onClick={() => paging.turn(paging.page + 1, data.NextToken)}>
                  {t('insight.older')}
                </Button>
              )}
            </SpaceBetween>
          </Box>
        }
      />
      <Cli
        commands={[
          aws('nifuda', 'list-events', {
            'repository-name': filters.RepositoryName,
            'event-name': filters.EventName,
            'principal-arn': filters.PrincipalArn,
          }),
        ]}
      />
    </SpaceBetween>
  );
}

function useColumns(
  repository: string | undefined,
  fresh: RegistryEvent[],
): TableProps.ColumnDefinition<RegistryEvent>[] {
  const { t } = useLanguage();
  const isNew = (event: RegistryEvent) => fresh.includes(event);
  return [
    { id: 'when', header: t('insight.when'), cell: (event) => <Time at={event.EventTime} />, minWidth: 130 },
    {
      id: 'event',
      header: t('insight.event'),
      isRowHeader: true,
      minWidth: 160,
      cell: (event) => (
        <span className={isNew(event) ? 'new-row' : undefined}>
          <Badge color={/Deleted$/.test(event.EventName) ? 'red' : 'blue'}>{event.EventName}</Badge>
        </span>
      ),
    },
    {
      id: 'what',
      header: t('insight.what'),
      minWidth: 180,
      cell: (event) => <What event={event} within={repository} />,
    },
    {
      id: 'who',
      header: t('insight.who'),
      minWidth: 120,
      cell: (event) => (event.PrincipalArn ? <Who arn={event.PrincipalArn} /> : t('insight.server')),
    },
    {
      id: 'detail',
      header: t('insight.detail'),
      minWidth: 160,
      cell: (event) => <Detail json={event.Detail} />,
    },
  ];
}

function What({ event, within }: { event: RegistryEvent; within?: string }) {
  const { RepositoryName: name, ImageTag: tag, ImageDigest: digest } = event;
  if (!name) return <>–</>;
  const path = `/repositories/${name}`;
  return (
    <div className="what">
      {within === undefined && (
        <Link href={href(path)} onFollow={follow}>
          {name}
        </Link>
      )}
      {tag && (
        <Link href={href(path, { tag })} onFollow={follow}>
          {tag}
        </Link>
      )}
      {digest && (
        <Link href={href(path, { image: digest })} onFollow={follow}>
          {shortDigest(digest)}
        </Link>
      )}
    </div>
  );
}

/** Typed is a filter that holds when one has left it or pressed Enter. */
function Typed({ parameter, label }: { parameter: string; label: string }) {
  const { query } = usePlace();
  const given = query.get(parameter) ?? '';
  const [text, setText] = useState(given);
  useEffect(() => setText(given), [given]);
  const apply = () => text !== given && refine({ [parameter]: text.trim() || undefined });
  return (
    <Input
      type="search"
      value={text}
      placeholder={label}
      ariaLabel={label}
      onChange={(e) => setText(e.detail.value)}
      onBlur={apply}
      onKeyDown={(e) => e.detail.key === 'Enter' && apply()}
    />
  );
}

function Filters({ repository }: { repository?: string }) {
  const { t } = useLanguage();
  const { query } = usePlace();
  const all = { value: '', label: t('insight.anyEvent') };
  const options = [all, ...eventNames.map((value) => ({ value, label: value }))];
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Select
        selectedOption={options.find(({ value }) => value === query.get('event')) ?? all}
        options={options}
        ariaLabel={t('insight.event')}
        onChange={(e) => refine({ event: e.detail.selectedOption.value || undefined })}
      />
      {repository === undefined && <Typed parameter="repository" label={t('insight.repository')} />}
      <Typed parameter="principal" label={t('insight.principal')} />
    </SpaceBetween>
  );
}
