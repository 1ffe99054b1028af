import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { withAccessKey } from '../api/signin';
import ErrorAlert from '../components/ErrorAlert';
import { useLanguage } from '../i18n';
import { enter, useExpired } from '../lib/session';

/** SignIn is what everybody sees who has no session; the place stays the same. */
export default function SignIn() {
  const { t } = useLanguage();
  const expired = useExpired();
  const [id, setId] = useState('');
  const [secret, setSecret] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      enter(await withAccessKey(id.trim(), secret.trim(), 'us-east-1'));
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <main className="sign-in">
      <Box padding={{ top: 'xxxl', horizontal: 'l' }}>
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void submit();
          }}
        >
          <Form
            actions={
              <Button variant="primary" loading={busy} formAction="submit">
                {t('signin.submit')}
              </Button>
            }
          >
            <Container header={<Header variant="h1">{t('signin.title')}</Header>}>
              <SpaceBetween size="l">
                {expired && <Alert type="warning">{t('signin.expired')}</Alert>}
                <ErrorAlert error={error} />
                <FormField label={t('signin.accessKeyId')}>
                  <Input
                    value={id}
                    onChange={(e) => setId(e.detail.value)}
                    name="access-key-id"
                    autoComplete="username"
                  />
                </FormField>
                <FormField label={t('signin.secret')} description={t('signin.hint')}>
                  <Input
                    type="password"
                    value={secret}
                    onChange={(e) => setSecret(e.detail.value)}
                    name="secret-access-key"
                    autoComplete="current-password"
                  />
                </FormField>
              </SpaceBetween>
            </Container>
          </Form>
        </form>
      </Box>
    </main>
  );
}
