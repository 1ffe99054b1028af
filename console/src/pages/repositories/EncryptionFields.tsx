import Autosuggest from '@cloudscape-design/components/autosuggest';
import FormField from '@cloudscape-design/components/form-field';
import RadioGroup from '@cloudscape-design/components/radio-group';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useClients } from '../../api/clients';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import type { EncryptionType, Settings } from './settings';

const types: EncryptionType[] = ['AES256', 'KMS', 'KMS_DSSE'];

interface Properties {
  settings: Settings;
  change: (changes: Partial<Settings>) => void;
}

/** EncryptionFields choose how images are encrypted where they are stored, for good. */
export default function EncryptionFields({ settings, change }: Properties) {
  const { t } = useLanguage();
  return (
    <SpaceBetween size="l">
      <FormField label={t('repositories.encryption')} description={t('repositories.encryptionText')} stretch>
        <RadioGroup
          value={settings.encryption}
          onChange={(e) => change({ encryption: e.detail.value as EncryptionType })}
          items={types.map((type) => ({
            value: type,
            label: t(`repositories.${type}`),
            description: t(`repositories.text.${type}`),
          }))}
        />
      </FormField>
      {settings.encryption !== 'AES256' && (
        <KeyField value={settings.kmsKey} onChange={(kmsKey) => change({ kmsKey })} />
      )}
    </SpaceBetween>
  );
}

function KeyField({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useLanguage();
  const { session } = useClients();
  // The client is big, and most repositories need no key.
  const { data, error, loading, reload } = useLoad(
    async () => (await import('./kmsKeys')).kmsKeys(session),
    [session],
  );
  return (
    <FormField label={t('repositories.kmsKey')} constraintText={t('repositories.kmsKeyText')}>
      <Autosuggest
        value={value}
        onChange={(e) => onChange(e.detail.value)}
        options={data ?? []}
        statusType={error ? 'error' : loading ? 'loading' : 'finished'}
        loadingText={t('common.loading')}
        errorText={error instanceof Error ? error.message : undefined}
        recoveryText={t('common.retry')}
        onLoadItems={({ detail }) => detail.samePage && error !== undefined && reload()}
        placeholder="alias/aws/ecr"
        enteredTextLabel={(text) => t('repositories.kmsKeyUse', { key: text })}
        empty={t('repositories.kmsNoKeys')}
      />
    </FormField>
  );
}
