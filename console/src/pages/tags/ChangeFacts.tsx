import type { ImageDetail } from '@aws-sdk/client-ecr';
import Button from '@cloudscape-design/components/button';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { TagChange } from '../../api/nifuda.gen';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import type { Locale } from '../../i18n/messages';
import { shortDigest } from '../../lib/format';
import { follow, href } from '../../lib/router';
import { compareQuery } from './compare';
import DigestLink from './DigestLink';
import { signed } from './signed';
import { before } from './timeline';

interface Properties {
  repository: string;
  history: TagChange[];
  details: Map<string, ImageDetail>;
  change: TagChange;
}

/** ChangeFacts tell who changed a tag, when, and from what to what. */
export function ChangeFacts({
  repository,
  history,
  details,
  change,
  onRestore,
}: Properties & { onRestore: () => void }) {
  const { t, locale } = useLanguage();
  const earlier = before(history, change);
  return (
    <SpaceBetween size="s">
      <KeyValuePairs
        columns={4}
        items={[
          { label: t('tags.pointedAt'), value: <State repository={repository} change={change} /> },
          {
            label: t('tags.before'),
            value: earlier?.ImageDigest ? (
              <State repository={repository} change={earlier} />
            ) : (
              t('tags.nothing')
            ),
          },
          {
            label: t('tags.by'),
            value: <span className="anywhere">{change.ActorArn || '–'}</span>,
          },
          { label: t('tags.when'), value: <Time at={change.ChangedAt} exact /> },
          { label: t('tags.sizeChange'), value: sizeChange(details, earlier, change, locale) },
        ]}
      />
      <ChangeActions repository={repository} history={history} change={change} onRestore={onRestore} />
    </SpaceBetween>
  );
}

/** ChangeActions go back to an entry of a history, or compare it with the one before. */
export function ChangeActions({
  repository,
  history,
  change,
  onRestore,
}: Omit<Properties, 'details'> & { onRestore: () => void }) {
  const { t } = useLanguage();
  const earlier = before(history, change);
  const here = history[0]?.ImageDigest === change.ImageDigest;
  const both = change.ImageState === 'EXISTS' && earlier?.ImageState === 'EXISTS';
  const differ = both && earlier.ImageDigest !== change.ImageDigest;
  const query = differ ? compareQuery(earlier.ImageDigest ?? '', change.ImageDigest ?? '') : undefined;
  return (
    <SpaceBetween direction="horizontal" size="xs">
      <Button
        variant="inline-link"
        disabled={here || !change.ImageDigest || change.ImageState === 'GONE'}
        onClick={onRestore}
        ariaLabel={t('tags.restoreEntry', { n: change.Sequence })}
      >
        {t('tags.restore')}
      </Button>
      {query && (
        <Button
          variant="inline-link"
          href={href(`/repositories/${repository}`, { compare: query })}
          onFollow={follow}
          ariaLabel={t('tags.compareEntry', { n: change.Sequence })}
        >
          {t('tags.compareBefore')}
        </Button>
      )}
    </SpaceBetween>
  );
}

/** State shows what a tag pointed at, and whether that image can still be had. */
export function State({ repository, change }: { repository: string; change: TagChange }) {
  const { t } = useLanguage();
  const { ImageDigest: digest, ImageState } = change;
  if (!digest) return <StatusIndicator type="stopped">{t('tags.wasRemoved')}</StatusIndicator>;
  if (ImageState === 'EXISTS') return <DigestLink repository={repository} digest={digest} />;
  const restorable = ImageState === 'RESTORABLE';
  return (
    <span title={digest}>
      {shortDigest(digest)}{' '}
      <StatusIndicator type={restorable ? 'warning' : 'stopped'}>
        {t(restorable ? 'tags.restorable' : 'tags.gone')}
      </StatusIndicator>
    </span>
  );
}

/** sizeChange is how much an image is larger than the one before, where both are still there. */
export function sizeChange(
  details: Map<string, ImageDetail>,
  earlier: TagChange | undefined,
  change: TagChange,
  locale: Locale,
): string {
  const now = details.get(change.ImageDigest ?? '')?.imageSizeInBytes;
  const then = details.get(earlier?.ImageDigest ?? '')?.imageSizeInBytes;
  if (now === undefined || then === undefined) return '–';
  return signed(now - then, locale);
}
