import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useState } from 'react';
import { useClients } from '../../api/clients';
import type { TagChange } from '../../api/nifuda.gen';
import ErrorAlert from '../../components/ErrorAlert';
import Time from '../../components/Time';
import Who from '../../components/Who';
import { useLanguage } from '../../i18n';
import { bytes } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { follow, href } from '../../lib/router';
import { settingOf } from './api';
import { State } from './ChangeFacts';
import HistoryTable from './HistoryTable';
import RemoveTagDialog from './RemoveTagDialog';
import RestoreTagDialog from './RestoreTagDialog';
import TagDialog from './TagDialog';
import TimelineBox from './TimelineBox';
import { Protection } from './tagColumns';
import { useHistory } from './useHistory';

/** TagPage is a tag: where it points, where it pointed over time, and the way back. */
export default function TagPage({ repository, tag }: { repository: string; tag: string }) {
  const { t, locale } = useLanguage();
  const { ecr } = useClients();
  const [open, setOpen] = useState<'move' | 'remove' | null>(null);
  const [restoring, setRestoring] = useState<TagChange>();
  const { history, details, loaded, loading, error, reload, more } = useHistory(repository, tag);
  const { data: setting } = useLoad((signal) => settingOf(ecr, repository, signal), [ecr, repository]);
  const [last] = history;
  const exists = Boolean(last?.ImageDigest);
  const size = details.get(last?.ImageDigest ?? '')?.imageSizeInBytes;
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={
          <Link href={href(`/repositories/${repository}`, { tab: 'tags' })} onFollow={follow}>
            {repository}
          </Link>
        }
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button iconName="refresh" ariaLabel={t('common.refresh')} onClick={reload} loading={loading} />
            <Button onClick={() => setOpen('move')} disabled={!loaded}>
              {t(exists || !loaded ? 'tags.move' : 'tags.add')}
            </Button>
            <Button onClick={() => setOpen('remove')} disabled={!exists}>
              {t('tags.remove')}
            </Button>
          </SpaceBetween>
        }
      >
        {tag}
      </Header>
      {error ? <ErrorAlert error={error} retry={reload} /> : null}
      {!loaded && !error && <Spinner size="large" />}
      {loaded && !last && <Alert type="info">{t('tags.neverWas', { tag })}</Alert>}
      {last && (
        <SpaceBetween size="l">
          <Container header={<Header variant="h2">{t('tags.now')}</Header>}>
            <KeyValuePairs
              columns={4}
              items={[
                { label: t('tags.pointsAt'), value: <State repository={repository} change={last} /> },
                {
                  label: t(exists ? 'tags.movedAt' : 'tags.removedAt'),
                  value: <Time at={last.ChangedAt} exact />,
                },
                { label: t('tags.by'), value: <Who arn={last.ActorArn} /> },
                { label: t('tags.size'), value: size === undefined ? '–' : bytes(size, locale) },
                {
                  label: t('tags.protection'),
                  value: setting ? <Protection setting={setting} tag={tag} t={t} /> : <Box>–</Box>,
                },
              ]}
            />
          </Container>
          <TimelineBox repository={repository} history={history} details={details} onRestore={setRestoring} />
          <HistoryTable
            repository={repository}
            history={history}
            details={details}
            loading={loading}
            more={more}
            onRestore={setRestoring}
          />
        </SpaceBetween>
      )}
      <TagDialog
        repository={repository}
        tag={tag}
        visible={open === 'move'}
        onClose={() => setOpen(null)}
        onDone={reload}
      />
      <RemoveTagDialog
        repository={repository}
        tag={tag}
        visible={open === 'remove'}
        onClose={() => setOpen(null)}
        onDone={reload}
      />
      <RestoreTagDialog
        repository={repository}
        tag={tag}
        change={restoring}
        onClose={() => setRestoring(undefined)}
        onDone={reload}
      />
    </SpaceBetween>
  );
}
