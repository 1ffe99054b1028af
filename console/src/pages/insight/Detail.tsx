import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import { useLanguage } from '../../i18n';
import { pretty } from '../../lib/json';

/** Detail unfolds all that is known of something. */
export default function Detail({ json }: { json: string }) {
  const { t } = useLanguage();
  return (
    <ExpandableSection headerText={t('insight.detail')}>
      <Box variant="pre">{pretty(json)}</Box>
    </ExpandableSection>
  );
}
