import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import { useState } from 'react';
import { useLanguage } from '../i18n';
import { useRemembered } from '../lib/remembered';
import { enter, type Session } from '../lib/session';
import Dialog from './Dialog';

interface Properties {
  session: Session;
  visible: boolean;
  onClose: () => void;
}

/** SwitchRole goes on as a role, of another account too. */
export default function SwitchRole({ session, visible, onClose }: Properties) {
  const { t } = useLanguage();
  const [account, setAccount] = useState(session.account);
  const [role, setRole] = useRemembered('role');
  const submit = async () => {
    const { switchRole } = await import('../api/signin');
    enter(await switchRole(session, account, role.trim()));
    onClose();
  };
  return (
    <Dialog
      visible={visible}
      header={t('shell.switchRole')}
      action={t('shell.switchRole')}
      disabled={!/^\d{12}$/.test(account) || !role.trim()}
      onSubmit={submit}
      onClose={onClose}
    >
      <FormField label={t('shell.roleAccount')} constraintText={t('shell.roleAccountHint')}>
        <Input value={account} onChange={(e) => setAccount(e.detail.value.trim())} inputMode="numeric" />
      </FormField>
      <FormField label={t('shell.roleName')} constraintText={t('shell.roleNameHint')}>
        <Input value={role} onChange={(e) => setRole(e.detail.value)} />
      </FormField>
    </Dialog>
  );
}
