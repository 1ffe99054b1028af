import Box from '@cloudscape-design/components/box';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import { useEffect } from 'react';
import { useLanguage } from '../i18n';
import SignInForm from './SignInForm';

/** SignIn is what everybody sees who has no session; the place stays the same. */
export default function SignIn() {
  const { t } = useLanguage();
  useEffect(() => {
    document.title = `${t('signin.title')} · ${t('common.title')}`;
  }, [t]);
  return (
    <main className="sign-in">
      <Box padding={{ top: 'xxxl', horizontal: 'l', bottom: 'xxl' }}>
        <Container header={<Header variant="h1">{t('signin.title')}</Header>}>
          <SignInForm />
        </Container>
      </Box>
    </main>
  );
}
