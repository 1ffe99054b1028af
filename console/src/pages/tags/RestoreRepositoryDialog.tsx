import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Link from '@cloudscape-design/components/link';
import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import type { DeletedRepository } from '../../api/nifuda.gen';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import { nameProblem } from '../../lib/repositoryName';
import { follow, href } from '../../lib/router';
import ActionDialog from './ActionDialog';
import { restoreRepositoryCommands } from './commands';
import { explained } from './explained';
import ModelHint from './ModelHint';

interface Properties {
  repository?: DeletedRepository;
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** RestoreRepositoryDialog brings a deleted repository back, under its name or another one. */
export default function RestoreRepositoryDialog({ repository, visible, onClose, onDone }: Properties) {
  const { t } = useLanguage();
  const { own } = useClients();
  const notify = useNotify();
  const former = repository?.RepositoryName ?? '';
  const id = repository?.RepositoryId ?? '';
  const [name, setName] = useState(former);
  useEffect(() => {
    if (visible) setName(former);
  }, [visible, former]);
  const valid = !nameProblem(name);
  const { data: taken } = useLoad(
    async (signal) => {
      if (!visible || !valid) return false;
      const { Repositories } = await own('SearchRepositories', { RepositoryName: name }, signal);
      return Repositories.length > 0;
    },
    [own, visible, name, valid],
  );
  const restore = async () => {
    const NewRepositoryName = name === former ? undefined : name;
    try {
      await own('RestoreRepository', { RepositoryName: former, RepositoryId: id, NewRepositoryName });
    } catch (failure) {
      throw explained(failure, t);
    }
    notify(
      'success',
      <>
        {t('tags.restoredRepository')}{' '}
        <Link href={href(`/repositories/${name}`)} onFollow={follow} color="inverted">
          {name}
        </Link>
      </>,
    );
    onDone();
    onClose();
  };
  return (
    <ActionDialog
      visible={visible}
      header={t('tags.restoreRepository', { name: former })}
      submit={t('tags.restore')}
      disabled={!valid || taken}
      commands={restoreRepositoryCommands(former, id, name)}
      onSubmit={restore}
      onClose={onClose}
    >
      <Box>{t('tags.restoreRepositoryText')}</Box>
      <FormField
        label={t('tags.repositoryName')}
        errorText={valid ? taken && t('tags.nameTaken', { name }) : t('tags.nameInvalid')}
      >
        <Input
          value={name}
          onChange={(e) => setName(e.detail.value)}
          autoComplete={false}
          spellcheck={false}
        />
      </FormField>
      {name !== former && valid && <Alert type="info">{t('tags.renamed')}</Alert>}
      <ModelHint />
    </ActionDialog>
  );
}
