import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useClients } from '../../api/clients';
import type { TagChange } from '../../api/nifuda.gen';
import ErrorAlert from '../../components/ErrorAlert';
import { useNotify } from '../../components/notices';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import { shortDigest } from '../../lib/format';
import { useLoad } from '../../lib/load';
import ActionDialog from './ActionDialog';
import { findImage, settingOf } from './api';
import { restoreTagCommands } from './commands';
import { explained } from './explained';
import ModelHint from './ModelHint';
import { OutlookView } from './OutlookView';
import { outlook } from './outlook';

interface Properties {
  repository: string;
  tag: string;
  /** The entry of the history to go back to; nothing while the dialog is closed. */
  change?: TagChange;
  onClose: () => void;
  onDone: () => void;
}

/** RestoreTagDialog points a tag at what it pointed at once, and tells before what that takes. */
export default function RestoreTagDialog({ repository, tag, change, onClose, onDone }: Properties) {
  const { t } = useLanguage();
  const clients = useClients();
  const { ecr, own } = clients;
  const notify = useNotify();
  const visible = Boolean(change);
  const { data, error } = useLoad(
    async (signal) => {
      if (!visible) return null;
      const [now, setting] = await Promise.all([
        findImage(clients, repository, tag, signal),
        settingOf(ecr, repository, signal),
      ]);
      return { now: now?.digest, setting };
    },
    [clients, ecr, repository, tag, visible],
  );
  const then = change?.ImageDigest;
  const result = data && then ? outlook(data.setting, tag, data.now, then) : null;
  const restore = async () => {
    const Sequence = change?.Sequence;
    try {
      const restored = await own('RestoreTag', { RepositoryName: repository, ImageTag: tag, Sequence });
      const values = { tag, digest: shortDigest(restored.ImageDigest) };
      notify('success', t(restored.ImageRestored ? 'tags.restoredWithImage' : 'tags.restoredTo', values));
    } catch (failure) {
      throw explained(failure, t);
    }
    onDone();
    onClose();
  };
  return (
    <ActionDialog
      visible={visible}
      header={t('tags.restoreTitle', { tag })}
      submit={t('tags.restore')}
      disabled={!result || result.result === 'same' || result.result === 'blocked'}
      commands={change ? restoreTagCommands(repository, tag, change.Sequence) : []}
      onSubmit={restore}
      onClose={onClose}
    >
      {change && (
        <Box>
          {t('tags.restoreText', { digest: shortDigest(then ?? '') })} <Time at={change.ChangedAt} exact />
        </Box>
      )}
      <ErrorAlert error={error} />
      {data && (
        <Box>
          {data.now ? t('tags.pointsNow', { digest: shortDigest(data.now) }) : t('tags.pointsNowhere')}
        </Box>
      )}
      {!data && !error && <StatusIndicator type="loading">{t('common.loading')}</StatusIndicator>}
      {change?.ImageState === 'RESTORABLE' && <Alert type="info">{t('tags.imageComesBack')}</Alert>}
      {data && result && <OutlookView outlook={result} setting={data.setting} tag={tag} />}
      <ModelHint />
    </ActionDialog>
  );
}
