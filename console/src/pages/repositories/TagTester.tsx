import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useState } from 'react';
import { useLanguage } from '../../i18n';
import { judge } from '../../lib/immutability';
import { filtersOf, type Settings } from './settings';

/** TagTester says of a tag whether the settings, as they are in the form, would protect it. */
export default function TagTester({ settings }: { settings: Settings }) {
  const { t } = useLanguage();
  const [tag, setTag] = useState('');
  const { movable, filter } = judge({ mode: settings.mode, filters: filtersOf(settings) }, tag);
  const verdict = movable ? t('repositories.movable', { tag }) : t('repositories.protected', { tag });
  const reason = filter
    ? t('repositories.becauseFilter', { filter })
    : t('repositories.becauseMode', { mode: t(`repositories.${settings.mode}`) });
  return (
    <FormField label={t('repositories.tester')} description={t('repositories.testerText')}>
      <Input
        value={tag}
        onChange={(e) => setTag(e.detail.value)}
        placeholder="v1.0.0"
        spellcheck={false}
        autoComplete={false}
      />
      <div aria-live="polite" data-testid="verdict">
        {tag && (
          <StatusIndicator type={movable ? 'info' : 'success'}>{`${verdict} ${reason}`}</StatusIndicator>
        )}
      </div>
    </FormField>
  );
}
