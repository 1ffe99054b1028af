import Alert from '@cloudscape-design/components/alert';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useLanguage } from '../i18n';
import { signOut } from '../lib/session';
import SignInForm from './SignInForm';

/** SignInAgain is over the page that was shown when a session ended; what was typed there stays. */
export default function SignInAgain() {
  const { t } = useLanguage();
  return (
    <Modal
      visible
      header={t('signin.title')}
      onDismiss={({ detail }) => detail.reason === 'closeButton' && signOut()}
    >
      <SpaceBetween size="l">
        <Alert type="warning">{t('signin.expired')}</Alert>
        <SignInForm />
      </SpaceBetween>
    </Modal>
  );
}
