import Alert from '@cloudscape-design/components/alert';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { useLanguage } from '../i18n';
import { useRemembered } from '../lib/remembered';
import { enter } from '../lib/session';
import SignInFields, { type RegionChoice } from './SignInFields';

export default function PasswordForm({ region }: { region: RegionChoice }) {
  const { t } = useLanguage();
  const [account, setAccount] = useRemembered('account');
  const [user, setUser] = useState('');
  const [password, setPassword] = useState('');
  // What the server said when the password has to be changed first.
  const [demand, setDemand] = useState('');
  const [next, setNext] = useState('');
  const [again, setAgain] = useState('');
  const changes = demand !== '';
  const submit = async () => {
    const { withPassword } = await import('../api/signin');
    const login = { account: account.trim(), user: user.trim(), password };
    try {
      enter(await withPassword(changes ? { ...login, newPassword: next } : login, region.value));
    } catch (failure) {
      if (!(failure instanceof Error) || failure.name !== 'PasswordChangeRequiredException') throw failure;
      setDemand(failure.message);
    }
  };
  const filled = Boolean(account.trim() && user.trim() && password);
  const ready = filled && (!changes || (next !== '' && next === again));
  return (
    <SignInFields region={region} ready={ready} submit={submit}>
      <FormField label={t('signin.account')} constraintText={t('signin.accountHint')}>
        <Input
          value={account}
          onChange={(e) => setAccount(e.detail.value)}
          name="account"
          autoComplete="organization"
          autoFocus={!account}
          spellcheck={false}
        />
      </FormField>
      <FormField label={t('signin.user')}>
        <Input
          value={user}
          onChange={(e) => setUser(e.detail.value)}
          name="username"
          autoComplete="username"
          autoFocus={Boolean(account)}
          spellcheck={false}
        />
      </FormField>
      <FormField label={t('signin.passwordField')}>
        <Input
          type="password"
          value={password}
          onChange={(e) => setPassword(e.detail.value)}
          name="password"
          autoComplete="current-password"
        />
      </FormField>
      {changes && (
        <SpaceBetween size="l">
          <Alert type="warning" header={t('signin.mustChange')}>
            {demand}
          </Alert>
          <FormField label={t('signin.newPassword')}>
            <Input
              type="password"
              value={next}
              onChange={(e) => setNext(e.detail.value)}
              name="new-password"
              autoComplete="new-password"
              autoFocus
            />
          </FormField>
          <FormField
            label={t('signin.newPasswordAgain')}
            errorText={again !== '' && again !== next && t('signin.passwordsDiffer')}
          >
            <Input
              type="password"
              value={again}
              onChange={(e) => setAgain(e.detail.value)}
              name="new-password-again"
              autoComplete="new-password"
            />
          </FormField>
        </SpaceBetween>
      )}
    </SignInFields>
  );
}
