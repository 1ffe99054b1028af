import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';
import { useLanguage } from '../i18n';
import { enter } from '../lib/session';
import SignInFields, { type RegionChoice } from './SignInFields';

export default function AccessKeyForm({ region }: { region: RegionChoice }) {
  const { t } = useLanguage();
  const [id, setId] = useState('');
  const [secret, setSecret] = useState('');
  const submit = async () => {
    const { withAccessKey } = await import('../api/signin');
    enter(await withAccessKey(id.trim(), secret.trim(), region.value));
  };
  return (
    <SignInFields region={region} ready={Boolean(id.trim() && secret.trim())} submit={submit}>
      <FormField label={t('signin.accessKeyId')}>
        <Input
          value={id}
          onChange={(e) => setId(e.detail.value)}
          name="access-key-id"
          autoComplete="username"
          autoFocus
          spellcheck={false}
        />
      </FormField>
      <FormField label={t('signin.secret')} constraintText={t('signin.hint')}>
        <Input
          type="password"
          value={secret}
          onChange={(e) => setSecret(e.detail.value)}
          name="secret-access-key"
          autoComplete="current-password"
        />
      </FormField>
    </SignInFields>
  );
}
