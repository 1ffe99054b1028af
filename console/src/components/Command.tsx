import Box from '@cloudscape-design/components/box';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import { useLanguage } from '../i18n';

/** Command shows a line for a shell with a button that copies it. */
export default function Command({ line }: { line: string }) {
  const { t } = useLanguage();
  return (
    <div className="command">
      <CopyToClipboard
        variant="icon"
        textToCopy={line}
        copyButtonAriaLabel={`${t('common.copy')} ${line}`}
        copySuccessText={t('common.copied')}
        copyErrorText={t('common.copyFailed')}
      />
      <Box variant="code">{line}</Box>
    </div>
  );
}
