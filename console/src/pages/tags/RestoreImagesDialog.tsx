import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Checkbox from '@cloudscape-design/components/checkbox';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import { useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import type { DeletedImage, RestoreImageResponse, TakenTag } from '../../api/nifuda.gen';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import { shortDigest } from '../../lib/format';
import { useLoad } from '../../lib/load';
import ActionDialog from './ActionDialog';
import { findImage } from './api';
import { restoreImageCommands } from './commands';
import { explained } from './explained';
import ModelHint from './ModelHint';

interface Properties {
  repository: string;
  images: DeletedImage[];
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

const mostLookedUp = 20;

/** RestoreImagesDialog brings deleted images back, and tells before and after which tags are taken by now. */
export default function RestoreImagesDialog({ repository, images, visible, onClose, onDone }: Properties) {
  const { t } = useLanguage();
  const clients = useClients();
  const { own } = clients;
  const notify = useNotify();
  const [withoutTags, setWithoutTags] = useState(false);
  const [done, setDone] = useState<number>();
  useEffect(() => {
    if (!visible) return;
    setWithoutTags(false);
    setDone(undefined);
  }, [visible]);
  const tags = images.flatMap(({ ImageTags, ImageDigest }) => ImageTags.map((tag) => ({ tag, ImageDigest })));
  const { data: taken = [] } = useLoad(
    async (signal): Promise<TakenTag[]> => {
      if (!visible) return [];
      const found = await Promise.all(
        tags.slice(0, mostLookedUp).map(async ({ tag, ImageDigest }) => {
          const now = (await findImage(clients, repository, tag, signal))?.digest;
          return now && now !== ImageDigest ? { ImageTag: tag, ImageDigest: now } : null;
        }),
      );
      return found.filter((one) => one !== null);
    },
    [clients, repository, visible],
  );
  const restore = async () => {
    const restored: RestoreImageResponse[] = [];
    try {
      // One after the other: of two deletions of an image the order decides who gets its tags.
      for (const { DeletionId } of images) {
        setDone(restored.length);
        const input = { RepositoryName: repository, DeletionId, WithoutTags: withoutTags };
        restored.push(await own('RestoreImage', input));
      }
    } catch (failure) {
      throw explained(failure, t);
    } finally {
      setDone(undefined);
      if (restored.length > 0) {
        notify('success', <Restored all={restored} />);
        onDone();
      }
    }
    onClose();
  };
  return (
    <ActionDialog
      visible={visible}
      header={t('tags.restoreImages', { n: images.length })}
      submit={t('tags.restore')}
      disabled={images.length === 0}
      commands={restoreImageCommands(
        repository,
        images.map(({ DeletionId }) => DeletionId),
        withoutTags,
      )}
      onSubmit={restore}
      onClose={onClose}
    >
      <Box>{t('tags.restoreImagesText')}</Box>
      <Box>
        <ul>
          {images.slice(0, mostLookedUp).map((one) => (
            <li key={one.DeletionId}>
              <Box variant="code">{shortDigest(one.ImageDigest)}</Box> {one.ImageTags.join(', ')}
            </li>
          ))}
          {images.length > mostLookedUp && <li>{t('tags.andMore', { n: images.length - mostLookedUp })}</li>}
        </ul>
      </Box>
      <Checkbox checked={withoutTags} onChange={(e) => setWithoutTags(e.detail.checked)}>
        {t('tags.withoutTags')}
      </Checkbox>
      {!withoutTags && taken.length > 0 && (
        <Alert type="warning">{t('tags.takenTags', { tags: takenText(taken) })}</Alert>
      )}
      {done !== undefined && images.length > 1 && (
        <ProgressBar value={(done / images.length) * 100} label={t('tags.restoring')} />
      )}
      <ModelHint />
    </ActionDialog>
  );
}

const takenText = (taken: TakenTag[]) =>
  taken.map(({ ImageTag, ImageDigest }) => `${ImageTag} (${shortDigest(ImageDigest)})`).join(', ');

function Restored({ all }: { all: RestoreImageResponse[] }) {
  const { t } = useLanguage();
  const taken = all.flatMap(({ TakenTags }) => TakenTags);
  const tags = all.flatMap(({ RestoredTags }) => RestoredTags);
  return (
    <>
      {t('tags.restoredImages', { n: all.length, tags: tags.join(', ') || t('common.none') })}
      {taken.length > 0 && <> {t('tags.takenTags', { tags: takenText(taken) })}</>}
    </>
  );
}
