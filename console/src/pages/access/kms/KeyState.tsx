import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useTexts } from '../useTexts';

const types = { Enabled: 'success', Disabled: 'stopped', PendingDeletion: 'warning' } as const;

/** KeyState says whether a key can be used. */
export default function KeyState({ state }: { state?: string }) {
  const { t } = useTexts();
  const known = state as keyof typeof types;
  if (!state || !types[known]) return <>{state ?? t('kms.unknown')}</>;
  return <StatusIndicator type={types[known]}>{t(`kms.state.${known}`)}</StatusIndicator>;
}
