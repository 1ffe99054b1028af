import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import { useLanguage } from '../../i18n';

/** UndeleteWindow says for how long what was deleted is kept. */
export default function UndeleteWindow({ seconds }: { seconds?: number }) {
  const { t, locale } = useLanguage();
  if (seconds === undefined) return null;
  if (seconds === 0) return <Alert type="warning">{t('tags.undeleteOff')}</Alert>;
  const days = (seconds / 86400).toLocaleString(locale, { maximumFractionDigits: 1 });
  return <Box color="text-body-secondary">{t('tags.window', { days })}</Box>;
}
