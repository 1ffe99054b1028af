import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import { useLanguage } from '../i18n';

interface Failure {
  name?: string;
  message?: string;
  $metadata?: { requestId?: string };
}

/** ErrorAlert shows the words of the server, and the id by which its log has the request. */
export default function ErrorAlert({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useLanguage();
  if (!error) return null;
  const { name, message, $metadata } = error as Failure;
  const action = retry && <Button onClick={retry}>{t('common.retry')}</Button>;
  return (
    <Alert type="error" header={name} action={action}>
      <div data-testid="error">{message ?? String(error)}</div>
      {$metadata?.requestId && (
        <Box variant="small">{t('common.requestId', { id: $metadata.requestId })}</Box>
      )}
    </Alert>
  );
}
