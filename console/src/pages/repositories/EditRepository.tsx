import {
  ListTagsForResourceCommand,
  PutImageScanningConfigurationCommand,
  PutImageTagMutabilityCommand,
  type Repository,
  TagResourceCommand,
  UntagResourceCommand,
} from '@aws-sdk/client-ecr';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Spinner from '@cloudscape-design/components/spinner';
import { useState } from 'react';
import { type Clients, useClients } from '../../api/clients';
import ErrorAlert from '../../components/ErrorAlert';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import { go, href } from '../../lib/router';
import RepositoryForm from './RepositoryForm';
import { type Change, changeCommands, changeOf, isNothing, type Settings, validChange } from './settings';
import { settingsOf } from './useRepository';

interface Properties {
  repository: Repository;
  onSaved: () => void;
}

/** EditRepository changes what can be changed of a repository, each by a call of its own. */
export default function EditRepository({ repository, onSaved }: Properties) {
  const { ecr } = useClients();
  const { data, error, reload } = useLoad(async () => {
    const tagged = await ecr.send(new ListTagsForResourceCommand({ resourceArn: repository.repositoryArn }));
    const tags = (tagged.tags ?? []).map(({ Key = '', Value = '' }) => ({ key: Key, value: Value }));
    return { ...settingsOf(repository), tags };
  }, [ecr, repository]);
  if (error) return <ErrorAlert error={error} retry={reload} />;
  if (!data) return <Spinner size="large" />;
  return <Edit before={data} arn={repository.repositoryArn ?? ''} onSaved={onSaved} />;
}

function Edit({ before, arn, onSaved }: { before: Settings; arn: string; onSaved: () => void }) {
  const { t } = useLanguage();
  const { ecr } = useClients();
  const notify = useNotify();
  const [settings, setSettings] = useState(before);
  const { name } = before;
  const change = changeOf(before, settings);
  const back = href(`/repositories/${name}`);
  const submit = async () => {
    await apply(ecr, name, arn, change);
    notify('success', t('repositories.savedNotice', { name }));
    onSaved();
    go(back);
  };
  return (
    <RepositoryForm
      header={t('repositories.editHeader', { name })}
      description={t('repositories.editText')}
      action={t('common.save')}
      settings={settings}
      change={(changes) => setSettings((all) => ({ ...all, ...changes }))}
      ready={validChange(settings) && !isNothing(change)}
      before={before.tags}
      commands={changeCommands(name, arn, change)}
      cancel={back}
      submit={submit}
      first={
        <Container header={<Header variant="h2">{t('repositories.general')}</Header>}>
          <KeyValuePairs
            columns={2}
            items={[
              { label: t('repositories.name'), value: name },
              { label: t('repositories.encryption'), value: before.encryption },
            ]}
          />
        </Container>
      }
    />
  );
}

async function apply(ecr: Clients['ecr'], name: string, arn: string, change: Change) {
  const { mutability, scanOnPush, tagged, untagged } = change;
  if (mutability) {
    const { mode, filters } = mutability;
    const input = { repositoryName: name, imageTagMutability: mode };
    const excluded = filters.length > 0 && { imageTagMutabilityExclusionFilters: filters };
    await ecr.send(new PutImageTagMutabilityCommand({ ...input, ...excluded }));
  }
  if (scanOnPush !== undefined) {
    const imageScanningConfiguration = { scanOnPush };
    const input = { repositoryName: name, imageScanningConfiguration };
    await ecr.send(new PutImageScanningConfigurationCommand(input));
  }
  if (tagged) await ecr.send(new TagResourceCommand({ resourceArn: arn, tags: tagged }));
  if (untagged) await ecr.send(new UntagResourceCommand({ resourceArn: arn, tagKeys: untagged }));
}
