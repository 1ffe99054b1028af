import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import { useLanguage } from '../i18n';

/** Copy shows a text with a button that copies it. */
export default function Copy({ text, shown, label }: { text: string; shown?: string; label?: string }) {
  const { t } = useLanguage();
  return (
    <CopyToClipboard
      variant="inline"
      textToCopy={text}
      textToDisplay={shown ?? text}
      copyButtonAriaLabel={`${t('common.copy')} ${label ?? text}`}
      copySuccessText={t('common.copied')}
      copyErrorText={t('common.copyFailed')}
    />
  );
}
