import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useLanguage } from '../../i18n';
import type { Locale } from '../../i18n/messages';
import { bytes, count } from '../../lib/format';
import { follow, href } from '../../lib/router';
import type { Preview } from './deletion';
import Names from './Names';

const spans: [string, number][] = [
  ['day', 86400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

/** span writes how long something takes, in its largest whole unit. */
export function span(seconds: number, locale: Locale): string {
  const [unit, size] = spans.find(([, step]) => seconds >= step) ?? spans[spans.length - 1];
  const value = Math.round(seconds / size);
  return value.toLocaleString(locale, { style: 'unit', unit, unitDisplay: 'long' });
}

/** Outcome shows what a deletion would do. */
export default function Outcome({ preview }: { preview: Preview }) {
  const { t, locale } = useLanguage();
  const { images, tags, failures, freed, freedAtLeast, windowSeconds } = preview;
  const space = bytes(freed, locale);
  return (
    <SpaceBetween size="s">
      <KeyValuePairs
        columns={3}
        items={[
          { label: t('images.imagesGo'), value: count(images.length, locale) },
          { label: t('images.tagsGo'), value: count(tags.length, locale) },
          {
            label: t('images.freed'),
            value: (
              <>
                {freedAtLeast ? t('images.atLeast', { size: space }) : space}
                <Box variant="small" display="block">
                  {windowSeconds > 0
                    ? t('images.freedAfter', { time: span(windowSeconds, locale) })
                    : t('images.freedNow')}
                </Box>
              </>
            ),
          },
        ]}
      />
      {windowSeconds === 0 && <Alert type="warning">{t('images.notRestorable')}</Alert>}
      {failures.length > 0 && (
        <Alert type="warning" header={t('images.wouldRefuse', { n: failures.length })}>
          <Names names={failures.map((one) => `${one.id}: ${one.reason} (${one.code})`)} />
        </Alert>
      )}
      {tags.length > 0 && (
        <ExpandableSection headerText={t('images.tagsGo')} defaultExpanded={tags.length <= 10}>
          <Names names={tags} />
        </ExpandableSection>
      )}
      {images.length > 0 && (
        <ExpandableSection headerText={t('images.imagesGo')} defaultExpanded={images.length <= 3}>
          <Names names={images} />
        </ExpandableSection>
      )}
    </SpaceBetween>
  );
}

interface RestorableProperties {
  repository: string;
  preview?: Preview;
  /** Whether it stands on a colored ground. */
  colored?: boolean;
}

/** Restorable says that a deletion can be undone, and where. */
export function Restorable({ repository, preview, colored }: RestorableProperties) {
  const { t, locale } = useLanguage();
  const images = preview?.images.length ?? 0;
  if (!preview || images === 0) return <>{t('images.tagsRemoved')}</>;
  const deleted = t('images.deleted', { n: count(images, locale) });
  if (preview.windowSeconds === 0) return <>{deleted}</>;
  return (
    <>
      {deleted} {t('images.restorable', { time: span(preview.windowSeconds, locale) })}{' '}
      <Link
        href={href(`/repositories/${repository}`, { tab: 'deleted' })}
        onFollow={follow}
        color={colored ? 'inverted' : 'normal'}
      >
        {t('images.toDeleted')}
      </Link>
    </>
  );
}
