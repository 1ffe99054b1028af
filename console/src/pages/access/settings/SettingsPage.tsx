import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useTexts } from '../useTexts';
import Accounts from './Accounts';
import Quotas from './Quotas';
import Settings from './Settings';

/** SettingsPage is what holds for the account, and which accounts there are. */
export default function SettingsPage() {
  const { t } = useTexts();
  return (
    <SpaceBetween size="l">
      <Header variant="h1" description={t('settings.text')}>
        {t('access.settings')}
      </Header>
      <Settings />
      <Quotas />
      <Accounts />
    </SpaceBetween>
  );
}
