import Box from '@cloudscape-design/components/box';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import StatusIndicator, { type StatusIndicatorProps } from '@cloudscape-design/components/status-indicator';
import Time from '../../components/Time';
import { useLanguage } from '../../i18n';
import type { Key } from '../../i18n/messages';
import { bytes, shortDigest } from '../../lib/format';
import type { TagSetting } from '../../lib/immutability';
import type { Found } from './api';
import type { Outlook } from './outlook';

const types: Record<Outlook['result'], StatusIndicatorProps.Type> = {
  new: 'success',
  moves: 'success',
  same: 'info',
  blocked: 'error',
};

const reasons: Record<'moves' | 'blocked', { filter: Key; setting: Key }> = {
  moves: { filter: 'tags.movesByFilter', setting: 'tags.movesBySetting' },
  blocked: { filter: 'tags.blockedByFilter', setting: 'tags.blockedBySetting' },
};

/** OutlookView says whether a tag would move, and which rule decides that. */
export function OutlookView({
  outlook,
  setting,
  tag,
}: {
  outlook: Outlook;
  setting: TagSetting;
  tag: string;
}) {
  const { t } = useLanguage();
  const { result, filter } = outlook;
  const values = { tag, filter: filter ?? '', mode: setting.mode };
  const text =
    result === 'new'
      ? t('tags.isNew', values)
      : result === 'same'
        ? t('tags.isSame', values)
        : t(reasons[result][filter === undefined ? 'setting' : 'filter'], values);
  return (
    <div role="status" data-testid="outlook">
      <StatusIndicator type={types[result]} wrapText>
        {text}
      </StatusIndicator>
    </div>
  );
}

/** Moves shows two images side by side: where a tag points, and where it would. */
export function Moves({ now, then }: { now: Found | null; then: Found | null }) {
  const { t } = useLanguage();
  return (
    <ColumnLayout columns={2}>
      <ImageFacts title={t('tags.now')} image={now} />
      <ImageFacts title={t('tags.then')} image={then} />
    </ColumnLayout>
  );
}

function ImageFacts({ title, image }: { title: string; image: Found | null }) {
  const { t, locale } = useLanguage();
  return (
    <div>
      <Box variant="awsui-key-label">{title}</Box>
      {image ? (
        <>
          <div title={image.digest}>
            <Box variant="code">{shortDigest(image.digest)}</Box>
          </div>
          <Box color="text-body-secondary" fontSize="body-s">
            {t('tags.pushedAt')} <Time at={image.pushedAt} /> · {bytes(image.size, locale)}
          </Box>
        </>
      ) : (
        <Box color="text-body-secondary">{t('tags.nothing')}</Box>
      )}
    </div>
  );
}
