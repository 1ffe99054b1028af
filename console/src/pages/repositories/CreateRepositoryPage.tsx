import { CreateRepositoryCommand } from '@aws-sdk/client-ecr';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';
import { useClients } from '../../api/clients';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import { nameProblem } from '../../lib/repositoryName';
import { go, href } from '../../lib/router';
import EncryptionFields from './EncryptionFields';
import RepositoryForm from './RepositoryForm';
import { creation, creationCommand, fresh, type Settings, valid } from './settings';

/** CreateRepositoryPage makes a repository. */
export default function CreateRepositoryPage() {
  const { t } = useLanguage();
  const { ecr } = useClients();
  const notify = useNotify();
  const [settings, setSettings] = useState(fresh);
  const change = (changes: Partial<Settings>) => setSettings((all) => ({ ...all, ...changes }));
  const submit = async () => {
    await ecr.send(new CreateRepositoryCommand(creation(settings)));
    notify('success', t('repositories.createdNotice', { name: settings.name }));
    go(href(`/repositories/${settings.name}`));
  };
  return (
    <RepositoryForm
      header={t('repositories.create')}
      description={t('repositories.createText')}
      action={t('common.create')}
      settings={settings}
      change={change}
      ready={valid(settings)}
      before={fresh.tags}
      commands={[creationCommand(settings)]}
      cancel={href('/repositories')}
      submit={submit}
      first={<NameField name={settings.name} onChange={(name) => change({ name })} />}
      last={
        <Container header={<Header variant="h2">{t('repositories.encryptionSettings')}</Header>}>
          <EncryptionFields settings={settings} change={change} />
        </Container>
      }
    />
  );
}

function NameField({ name, onChange }: { name: string; onChange: (name: string) => void }) {
  const { t } = useLanguage();
  const problem = name === '' ? undefined : nameProblem(name);
  return (
    <Container header={<Header variant="h2">{t('repositories.general')}</Header>}>
      <FormField
        label={t('repositories.name')}
        description={t('repositories.nameText')}
        constraintText={t('repositories.nameHint', { n: name.length })}
        errorText={problem && t(`repositories.problem.${problem}`)}
      >
        <Input
          value={name}
          onChange={(e) => onChange(e.detail.value)}
          placeholder="team/app"
          autoFocus
          spellcheck={false}
          autoComplete={false}
        />
      </FormField>
    </Container>
  );
}
