import type { ImageFailure } from '@aws-sdk/client-ecr';
import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import ProgressBar from '@cloudscape-design/components/progress-bar';
import SpaceBetween from '@cloudscape-design/components/space-between';
import ErrorAlert from '../../components/ErrorAlert';
import { useLanguage } from '../../i18n';
import { named, type Preview } from './deletion';
import Names from './Names';
import { Restorable } from './Outcome';
import type { Progress } from './useDeletion';

interface Properties {
  repository: string;
  progress: Progress;
  preview?: Preview;
}

/** DeletionProgress shows how far a deletion is, and what it could not do. */
export default function DeletionProgress({ repository, progress, preview }: Properties) {
  const { t } = useLanguage();
  const { done, of, failures, ended, error } = progress;
  return (
    <SpaceBetween size="m">
      <ProgressBar
        label={t('images.deleting')}
        value={(100 * done) / Math.max(of, 1)}
        additionalInfo={t('images.requests', { done, of })}
      />
      <ErrorAlert error={error} />
      {failures.length > 0 && (
        <Alert type="warning" header={t('images.refused', { n: failures.length })}>
          <Names names={failures.map(refusal)} />
        </Alert>
      )}
      {ended && done === of && (
        <Box>
          <Restorable repository={repository} preview={preview} />
        </Box>
      )}
    </SpaceBetween>
  );
}

const refusal = ({ imageId, failureReason, failureCode }: ImageFailure) =>
  `${named({ ImageDigest: imageId?.imageDigest, ImageTag: imageId?.imageTag })}: ${failureReason} (${failureCode})`;
