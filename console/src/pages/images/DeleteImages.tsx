import { BatchDeleteImageCommand, type ImageFailure } from '@aws-sdk/client-ecr';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import FormField from '@cloudscape-design/components/form-field';
import Modal from '@cloudscape-design/components/modal';
import Multiselect from '@cloudscape-design/components/multiselect';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tiles from '@cloudscape-design/components/tiles';
import { useEffect, useMemo, useState } from 'react';
import { useClients } from '../../api/clients';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import { useNotify } from '../../components/notices';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import { batchesOf, type Doomed, deleteCommands, named, sumUp, type Wish } from './deletion';
import { describeImages, loadManifest } from './fetch';
import Outcome, { Restorable } from './Outcome';

/** A Chosen image is to be deleted. */
export interface Chosen {
  digest: string;
  tags: string[];
  /** How many images it lists. */
  parts: number;
}

interface Properties {
  repository: string;
  images: Chosen[];
  visible: boolean;
  onClose: () => void;
  onDeleted: () => void;
}

interface Progress {
  done: number;
  of: number;
  failures: ImageFailure[];
  ended: boolean;
}

/** DeleteImages shows what a deletion would do, and does it. */
export default function DeleteImages({ repository, images, visible, onClose, onDeleted }: Properties) {
  const { t } = useLanguage();
  const notify = useNotify();
  const { own, ecr } = useClients();
  const [wish, setWish] = useState<Wish>('images');
  const [withParts, setWithParts] = useState(true);
  const [kept, setKept] = useState<string[]>([]);
  const [progress, setProgress] = useState<Progress>();
  const [error, setError] = useState<unknown>();
  const doomed = useDoomed(repository, images, visible);
  useEffect(() => {
    if (!visible) return;
    setWish('images');
    setWithParts(true);
    setKept([]);
    setProgress(undefined);
    setError(undefined);
  }, [visible]);
  const batches = useMemo(() => {
    const chosen = (doomed.data ?? []).map((one) => ({
      ...one,
      tags: one.tags.filter((tag) => !kept.includes(tag)),
      parts: withParts ? one.parts : [],
    }));
    return batchesOf(chosen, wish);
  }, [doomed.data, kept, withParts, wish]);
  const preview = useLoad(
    async (signal) => {
      const answers = [];
      for (const ImageIds of visible ? batches : []) {
        answers.push(await own('PreviewImageDeletion', { RepositoryName: repository, ImageIds }, signal));
      }
      return sumUp(answers);
    },
    [own, repository, batches, visible],
  );
  const run = async () => {
    setError(undefined);
    const state: Progress = { done: 0, of: batches.length, failures: [], ended: false };
    setProgress({ ...state });
    try {
      for (const ids of batches) {
        const imageIds = ids.map(({ ImageDigest, ImageTag }) => ({
          imageDigest: ImageDigest,
          imageTag: ImageTag,
        }));
        const command = new BatchDeleteImageCommand({ repositoryName: repository, imageIds });
        state.failures.push(...((await ecr.send(command)).failures ?? []));
        state.done++;
        setProgress({ ...state });
      }
    } catch (failure) {
      setError(failure);
    }
    setProgress({ ...state, ended: true });
    if (state.done > 0) onDeleted();
    if (state.done < state.of || state.failures.length > 0) return;
    notify('success', <Restorable repository={repository} preview={preview.data} />);
    onClose();
  };
  const busy = Boolean(progress && !progress.ended);
  const nothing = !preview.data || preview.data.images.length + preview.data.tags.length === 0;
  const tags = (doomed.data ?? []).flatMap((one) => one.tags);
  const hasParts = (doomed.data ?? []).some((one) => one.parts.length > 0);
  return (
    <Modal
      visible={visible}
      size="large"
      onDismiss={() => !busy && onClose()}
      header={t('images.deleteTitle', { n: images.length })}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" disabled={busy} onClick={onClose}>
              {t(progress?.ended ? 'common.close' : 'common.cancel')}
            </Button>
            {!progress?.ended && (
              <Button
                variant="primary"
                loading={busy}
                disabled={nothing || preview.loading}
                onClick={run}
                data-testid="confirm"
              >
                {t('common.delete')}
              </Button>
            )}
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {!progress && (
          <>
            <Tiles
              ariaLabel={t('images.what')}
              value={wish}
              onChange={(e) => setWish(e.detail.value === 'tags' ? 'tags' : 'images')}
              items={[
                { value: 'images', label: t('images.wishImages'), description: t('images.wishImagesHint') },
                {
                  value: 'tags',
                  label: t('images.wishTags'),
                  description: t('images.wishTagsHint'),
                  disabled: tags.length === 0,
                },
              ]}
            />
            {wish === 'images' && hasParts && (
              <Checkbox checked={withParts} onChange={(e) => setWithParts(e.detail.checked)}>
                {t('images.withParts')}
              </Checkbox>
            )}
            {wish === 'tags' && <TagChoice tags={tags} kept={kept} keep={setKept} />}
            <ErrorAlert
              error={doomed.error ?? preview.error}
              retry={preview.error ? preview.reload : doomed.reload}
            />
            {doomed.loading || preview.loading ? (
              <Spinner />
            ) : (
              preview.data && <Outcome preview={preview.data} />
            )}
          </>
        )}
        {progress && (
          <ProgressBar
            label={t('images.deleting')}
            value={(100 * progress.done) / Math.max(progress.of, 1)}
            additionalInfo={t('images.requests', { done: progress.done, of: progress.of })}
          />
        )}
        <ErrorAlert error={error} />
        {progress?.ended && progress.failures.length > 0 && <Failures failures={progress.failures} />}
        {progress?.ended && progress.done > 0 && (
          <Restorable repository={repository} preview={preview.data} />
        )}
        {!progress && <Cli commands={deleteCommands(repository, batches.slice(0, 5))} />}
      </SpaceBetween>
    </Modal>
  );
}

/** useDoomed asks for all tags of the chosen images, and for what goes with an index: its images that have no tags of their own. */
function useDoomed(repository: string, images: Chosen[], visible: boolean) {
  const clients = useClients();
  const load = async (signal: AbortSignal): Promise<Doomed[]> => {
    if (!visible || images.length === 0) return [];
    const known = await describeImages(
      clients,
      repository,
      images.map((one) => one.digest),
      signal,
    );
    const doomed: Doomed[] = [];
    for (const { digest, tags, parts } of images) {
      const manifest = parts > 0 ? await loadManifest(clients, repository, digest, signal) : undefined;
      const below = (manifest?.manifests ?? []).map((part) => part.digest);
      const details = await describeImages(clients, repository, below, signal);
      const untagged = [...details].filter(([, detail]) => !detail.imageTags?.length).map(([part]) => part);
      doomed.push({ digest, tags: known.get(digest)?.imageTags ?? tags, parts: untagged });
    }
    return doomed.sort((a, b) => b.parts.length - a.parts.length);
  };
  return useLoad(load, [clients, repository, images, visible]);
}

function TagChoice({ tags, kept, keep }: { tags: string[]; kept: string[]; keep: (tags: string[]) => void }) {
  const { t } = useLanguage();
  const options = tags.map((tag) => ({ value: tag, label: tag }));
  return (
    <FormField label={t('images.tagsToRemove')}>
      <Multiselect
        options={options}
        selectedOptions={options.filter((one) => !kept.includes(one.value))}
        onChange={(e) => {
          const chosen = new Set(e.detail.selectedOptions.map((one) => one.value));
          keep(tags.filter((tag) => !chosen.has(tag)));
        }}
        filteringType="auto"
        tokenLimit={10}
        placeholder={t('images.tagsToRemove')}
        deselectAriaLabel={(option) => t('images.keepTag', { tag: option.label ?? '' })}
      />
    </FormField>
  );
}

function Failures({ failures }: { failures: ImageFailure[] }) {
  const { t } = useLanguage();
  return (
    <Alert type="warning" header={t('images.refused', { n: failures.length })}>
      <ul className="anywhere">
        {failures.slice(0, 100).map((one) => (
          <li key={`${one.imageId?.imageTag}@${one.imageId?.imageDigest}`}>
            {named({ ImageDigest: one.imageId?.imageDigest, ImageTag: one.imageId?.imageTag })}:{' '}
            {one.failureReason} ({one.failureCode})
          </li>
        ))}
      </ul>
    </Alert>
  );
}
