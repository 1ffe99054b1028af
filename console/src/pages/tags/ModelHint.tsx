import Box from '@cloudscape-design/components/box';
import { useLanguage } from '../../i18n';

/** ModelHint says how the AWS CLI gets the commands of aws nifuda. */
export default function ModelHint() {
  const { t } = useLanguage();
  return (
    <Box variant="small" color="text-body-secondary">
      {t('tags.modelHint')}
    </Box>
  );
}
