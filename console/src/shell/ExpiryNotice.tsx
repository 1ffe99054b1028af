import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import { useLanguage } from '../i18n';
import { useEndsSoon } from '../lib/expiry';
import { expire, leave, type Session } from '../lib/session';

/** ExpiryNotice says in the last minutes of a session that it is about to end. */
export default function ExpiryNotice({ session }: { session: Session | null }) {
  const { t } = useLanguage();
  const soon = useEndsSoon(session);
  if (!soon || !session) return null;
  const again = session.from ? leave : expire;
  return (
    <div className="expiry">
      <Alert
        type="warning"
        action={<Button onClick={again}>{t(session.from ? 'shell.leaveRoleShort' : 'signin.again')}</Button>}
      >
        {t('signin.endsSoon')}
      </Alert>
    </div>
  );
}
