import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useLanguage } from '../i18n';
import { useRemembered } from '../lib/remembered';
import AccessKeyForm from './AccessKeyForm';
import PasswordForm from './PasswordForm';

/** SignInForm begins a session by an access key, or by the password of an IAM user. */
export default function SignInForm() {
  const { t } = useLanguage();
  const [way, setWay] = useRemembered('way', 'key');
  const [stored, setRegion] = useRemembered('region');
  const region = { value: stored || 'us-east-1', onChange: setRegion };
  return (
    <SpaceBetween size="l">
      <Tabs
        ariaLabel={t('signin.ways')}
        activeTabId={way}
        onChange={(e) => setWay(e.detail.activeTabId)}
        tabs={[
          {
            id: 'key',
            label: t('signin.accessKey'),
            content: way === 'key' && <AccessKeyForm region={region} />,
          },
          {
            id: 'password',
            label: t('signin.password'),
            content: way === 'password' && <PasswordForm region={region} />,
          },
        ]}
      />
    </SpaceBetween>
  );
}
