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

// Longer lists are cut: what is left is counted.
const most = 100;

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

function Names({ names }: { names: string[] }) {
  const { t } = useLanguage();
  const more = names.length - most;
  return (
    <ul className="anywhere">
      {[...new Set(names)].slice(0, most).map((name) => (
        <li key={name}>{name}</li>
      ))}
      {more > 0 && <li>{t('images.more', { n: more })}</li>}
    </ul>
  );
}

/** Restorable says that a deletion can be undone, and where. */
export function Restorable({ repository, preview }: { repository: string; preview?: Preview }) {
  const { t, locale } = useLanguage();
  const images = preview?.images.length ?? 0;
  const text = t(images > 0 ? 'images.deleted' : 'images.tagsRemoved', { n: count(images, locale) });
  if (!preview || preview.windowSeconds === 0 || images === 0) return <>{text}</>;
  return (
    <>
      {text} {t('images.restorable', { time: span(preview.windowSeconds, locale) })}{' '}
      <Link href={href(`/repositories/${repository}`, { tab: 'deleted' })} onFollow={follow} color="inverted">
        {t('images.toDeleted')}
      </Link>
    </>
  );
}
