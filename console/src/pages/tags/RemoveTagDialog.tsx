import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useClients } from '../../api/clients';
import ConfirmDelete from '../../components/ConfirmDelete';
import ErrorAlert from '../../components/ErrorAlert';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import { bytes, shortDigest } from '../../lib/format';
import { useLoad } from '../../lib/load';
import { removeTag, undoRemoval } from './api';
import { removeCommands } from './commands';

interface Properties {
  repository: string;
  tag: string;
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** RemoveTagDialog shows what would go with a tag before it is removed. */
export default function RemoveTagDialog({ repository, tag, visible, onClose, onDone }: Properties) {
  const { t } = useLanguage();
  const { ecr, own } = useClients();
  const notify = useNotify();
  const { data, error, loading } = useLoad(
    async (signal) => {
      if (!visible) return null;
      const input = { RepositoryName: repository, ImageIds: [{ ImageTag: tag }] };
      return own('PreviewImageDeletion', input, signal);
    },
    [own, repository, tag, visible],
  );
  const undo = async () => {
    try {
      await undoRemoval(own, repository, tag);
      notify('success', t('tags.restored', { tag }));
      onDone();
    } catch (failure) {
      notify('error', <ErrorAlert error={failure} />);
    }
  };
  const remove = async () => {
    await removeTag(ecr, repository, tag);
    notify(
      'success',
      <>
        {t('tags.removed', { tag })}{' '}
        <Button variant="inline-link" onClick={undo}>
          {t('tags.undo')}
        </Button>
      </>,
    );
    onDone();
    onClose();
  };
  const image = data?.Images[0];
  const failure = data?.Failures[0];
  return (
    <ConfirmDelete
      visible={visible}
      header={t('tags.removeTitle', { tag })}
      commands={removeCommands(repository, tag)}
      disabled={Boolean(failure)}
      onConfirm={remove}
      onClose={onClose}
    >
      {loading && !data && <StatusIndicator type="loading">{t('common.loading')}</StatusIndicator>}
      <ErrorAlert error={error} />
      {failure && <Alert type="error">{failure.FailureReason}</Alert>}
      {image && (
        <Alert type={image.ImageDeleted ? 'warning' : 'info'}>
          {t(image.ImageDeleted ? 'tags.imageGoes' : 'tags.imageStays', {
            digest: shortDigest(image.ImageDigest),
          })}
        </Alert>
      )}
      {data && image?.ImageDeleted && <Freed bytes={data.FreedBytes} seconds={data.UndeleteWindowSeconds} />}
    </ConfirmDelete>
  );
}

function Freed({ bytes: size, seconds }: { bytes: number; seconds: number }) {
  const { t, locale } = useLanguage();
  const days = (seconds / 86400).toLocaleString(locale, { maximumFractionDigits: 1 });
  return (
    <Box color="text-body-secondary">
      {t('tags.freed', { size: bytes(size, locale) })}{' '}
      {seconds > 0 ? t('tags.undoable', { days }) : t('tags.undeleteOff')}
    </Box>
  );
}
