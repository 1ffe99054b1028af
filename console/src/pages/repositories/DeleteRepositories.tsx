import { DeleteRepositoryCommand } from '@aws-sdk/client-ecr';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Checkbox from '@cloudscape-design/components/checkbox';
import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import ConfirmDelete from '../../components/ConfirmDelete';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import { count } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { aws } from '../../lib/shell';

export interface Doomed {
  name: string;
  /** How many images it has, where that is known. */
  images?: number;
}

interface Properties {
  repositories: Doomed[];
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** DeleteRepositories asks before repositories are deleted, and before their images go with them. */
export default function DeleteRepositories({ repositories, visible, onClose, onDone }: Properties) {
  const { t, locale } = useLanguage();
  const { ecr, own } = useClients();
  const notify = useNotify();
  // What was asked about stays on the page until the dialog has closed.
  const [asked, setAsked] = useState(repositories);
  const [force, setForce] = useState(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is selected later is no part of the question
  useEffect(() => {
    if (!visible) return;
    setAsked(repositories);
    setForce(false);
  }, [visible]);
  const { data: days } = useLoad(async () => {
    if (!visible) return undefined;
    return (await own('DescribeCollection', {})).UndeleteWindowSeconds / 86400;
  }, [own, visible]);
  const filled = asked.some((one) => one.images !== 0);
  const known = asked.every((one) => one.images !== undefined);
  const images = asked.reduce((sum, one) => sum + (one.images ?? 0), 0);
  const remove = async () => {
    for (const [i, { name }] of asked.entries()) {
      try {
        await ecr.send(new DeleteRepositoryCommand({ repositoryName: name, force: force || undefined }));
      } catch (failure) {
        setAsked(asked.slice(i));
        if (i > 0) onDone();
        throw failure;
      }
      notify('success', t('repositories.deleted', { name }));
    }
    onClose();
    onDone();
  };
  return (
    <ConfirmDelete
      visible={visible}
      header={
        asked.length === 1
          ? t('repositories.deleteOne', { name: asked[0].name })
          : t('repositories.deleteMany', { n: asked.length })
      }
      confirmation={t('repositories.deleteWord')}
      disabled={asked.length === 0 || (filled && !force)}
      commands={asked.map(({ name }) =>
        aws('ecr', 'delete-repository', { 'repository-name': name, force: force || undefined }),
      )}
      onConfirm={remove}
      onClose={onClose}
    >
      {asked.length > 1 && (
        <ul className="doomed">
          {asked.map(({ name }) => (
            <li key={name}>{name}</li>
          ))}
        </ul>
      )}
      <Box variant="p">
        {days === undefined
          ? t('repositories.restorable')
          : t('repositories.restorableFor', {
              days: days.toLocaleString(locale, { maximumFractionDigits: 1 }),
            })}
      </Box>
      {filled && (
        <Alert type="warning">
          <Checkbox checked={force} onChange={(e) => setForce(e.detail.checked)}>
            {known ? t('repositories.force', { n: count(images, locale) }) : t('repositories.forceAll')}
          </Checkbox>
        </Alert>
      )}
    </ConfirmDelete>
  );
}
