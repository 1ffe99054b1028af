import type { Repository } from '@aws-sdk/client-ecr';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { useClients } from '../../api/clients';
import Copy from '../../components/Copy';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import { bytes, count } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { follow, go, href } from '../../lib/router';
import DeleteRepositories from './DeleteRepositories';
import MutabilityView from './MutabilityView';
import PushCommands from './PushCommands';
import { settingsOf } from './useRepository';

/** RepositoryHeader is what there is to know about a repository, and to do with it. */
export default function RepositoryHeader({ repository }: { repository: Repository }) {
  const { t, locale } = useLanguage();
  const { own } = useClients();
  const [dialog, setDialog] = useState<'push' | 'pull' | 'delete'>();
  const settings = settingsOf(repository);
  const { name } = settings;
  // Who may see the repository need not be allowed to search; then the sizes are left out.
  const { data: found } = useLoad(
    async (signal) => (await own('SearchRepositories', { RepositoryName: name }, signal)).Repositories.at(0),
    [own, name],
  );
  const facts = [
    { label: t('repositories.uri'), value: <Copy text={repository.repositoryUri ?? ''} /> },
    {
      label: t('repositories.mutability'),
      value: <MutabilityView mode={settings.mode} filters={settings.filters} />,
    },
    {
      label: t('repositories.scanOnPush'),
      value: t(settings.scanOnPush ? 'repositories.on' : 'repositories.off'),
    },
    {
      label: t('repositories.encryption'),
      value: <Encryption type={settings.encryption} kmsKey={settings.kmsKey} />,
    },
    { label: t('repositories.images'), value: found ? count(found.Images, locale) : '–' },
    { label: t('repositories.size'), value: found ? bytes(found.Bytes, locale) : '–' },
    { label: t('repositories.created'), value: <Time at={repository.createdAt} exact /> },
    { label: 'ARN', value: <Copy text={repository.repositoryArn ?? ''} /> },
  ];
  return (
    <SpaceBetween size="m">
      <Header
        variant="h1"
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setDialog('delete')}>{t('common.delete')}</Button>
            <Button href={href(`/repositories/${name}`, { edit: '1' })} onFollow={follow}>
              {t('common.edit')}
            </Button>
            <Button onClick={() => setDialog('pull')}>{t('repositories.viewPull')}</Button>
            <Button variant="primary" onClick={() => setDialog('push')}>
              {t('repositories.viewPush')}
            </Button>
          </SpaceBetween>
        }
      >
        {name}
      </Header>
      <Container>
        <KeyValuePairs columns={4} items={facts} />
      </Container>
      <PushCommands
        repository={name}
        pull={dialog === 'pull'}
        visible={dialog === 'push' || dialog === 'pull'}
        onClose={() => setDialog(undefined)}
      />
      <DeleteRepositories
        repositories={[{ name, images: found?.Images }]}
        visible={dialog === 'delete'}
        onClose={() => setDialog(undefined)}
        onDone={() => go(href('/repositories'))}
      />
    </SpaceBetween>
  );
}

function Encryption({ type, kmsKey }: { type: string; kmsKey: string }) {
  if (!kmsKey) return type;
  return (
    <>
      {type}
      <Box variant="small" display="block">
        <Copy text={kmsKey} />
      </Box>
    </>
  );
}
