import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useEffect, useMemo, useState } from 'react';
import { useClients } from '../../api/clients';
import type { DeletionImageId } from '../../api/nifuda.gen';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import DeletionChoice, { type Choice } from './DeletionChoice';
import DeletionProgress from './DeletionProgress';
import { batchesOf, type Doomed, deleteCommands, sumUp } from './deletion';
import Outcome, { Restorable } from './Outcome';
import { useDeletion } from './useDeletion';
import { type Chosen, useDoomed } from './useDoomed';

interface Properties {
  repository: string;
  images: Chosen[];
  visible: boolean;
  onClose: () => void;
  /** Called after the dialog has closed, if something was deleted. */
  onDeleted: () => void;
}

const everything: Choice = { wish: 'images', withParts: true, kept: [] };
const none: Doomed[] = [];

// So many commands are shown; the others are alike.
const mostCommands = 5;

/** DeleteImages shows what a deletion would do, and does it. */
export default function DeleteImages({ repository, images, visible, onClose, onDeleted }: Properties) {
  const { t } = useLanguage();
  const notify = useNotify();
  const [choice, choose] = useState(everything);
  const { progress, run, reset } = useDeletion(repository);
  const doomed = useDoomed(repository, images, visible);
  const batches = useMemo(() => chosenOf(doomed.data ?? none, choice), [doomed.data, choice]);
  const preview = usePreview(repository, batches, visible);
  useEffect(() => {
    if (!visible) return;
    choose(everything);
    reset();
  }, [visible, reset]);
  const busy = Boolean(progress && !progress.ended);
  const close = (done: number) => {
    if (busy && done === 0) return;
    onClose();
    if (done > 0) onDeleted();
  };
  const submit = async () => {
    const { done, of, failures } = await run(batches);
    if (done < of || failures.length > 0) return;
    notify('success', <Restorable repository={repository} preview={preview.data} colored />);
    onClose();
    onDeleted();
  };
  const nothing = !preview.data || preview.data.images.length + preview.data.tags.length === 0;
  const loading = doomed.loading || preview.loading;
  return (
    <Modal
      visible={visible}
      size="large"
      onDismiss={() => close(progress?.done ?? 0)}
      header={t('images.deleteTitle', { n: images.length })}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" disabled={busy} onClick={() => close(progress?.done ?? 0)}>
              {t(progress?.ended ? 'common.close' : 'common.cancel')}
            </Button>
            {!progress?.ended && (
              <Button
                variant="primary"
                loading={busy}
                disabled={nothing || loading}
                onClick={submit}
                data-testid="confirm"
              >
                {t('common.delete')}
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      {progress ? (
        <DeletionProgress repository={repository} progress={progress} preview={preview.data} />
      ) : (
        <SpaceBetween size="m">
          <DeletionChoice doomed={doomed.data ?? none} choice={choice} choose={choose} />
          <ErrorAlert error={doomed.error} retry={doomed.reload} />
          <ErrorAlert error={preview.error} retry={preview.reload} />
          {loading && <Spinner />}
          {!loading && preview.data && <Outcome preview={preview.data} />}
          <Cli commands={deleteCommands(repository, batches.slice(0, mostCommands))} />
          {batches.length > mostCommands && (
            <Box variant="small">{t('images.more', { n: batches.length - mostCommands })}</Box>
          )}
        </SpaceBetween>
      )}
    </Modal>
  );
}

function chosenOf(doomed: Doomed[], { wish, withParts, kept }: Choice): DeletionImageId[][] {
  const stays = new Set(kept);
  const chosen = doomed.map((one) => ({
    ...one,
    tags: one.tags.filter((tag) => !stays.has(tag)),
    parts: withParts ? one.parts : [],
  }));
  return batchesOf(chosen, wish);
}

function usePreview(repository: string, batches: DeletionImageId[][], visible: boolean) {
  const { own } = useClients();
  return useLoad(
    async (signal) => {
      const answers = [];
      for (const ImageIds of visible ? batches : []) {
        answers.push(await own('PreviewImageDeletion', { RepositoryName: repository, ImageIds }, signal));
      }
      return sumUp(answers);
    },
    [own, repository, batches, visible],
  );
}
