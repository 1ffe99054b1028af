import { GetAccountSettingCommand } from '@aws-sdk/client-ecr';
import Alert from '@cloudscape-design/components/alert';
import Link from '@cloudscape-design/components/link';
import { useMemo } from 'react';
import { useClients } from '../../../api/clients';
import { useLoad } from '../../../lib/load';
import { follow, href } from '../../../lib/router';
import { useTexts } from '../useTexts';
import { opensToAnyone } from './templates';

/** AnonymousHint says whether a policy that allows something to everyone opens it to those who prove nothing. */
export default function AnonymousHint({ text }: { text: string }) {
  const open = useMemo(() => opensToAnyone(text), [text]);
  return open ? <Setting /> : null;
}

function Setting() {
  const { t } = useTexts();
  const { ecr } = useClients();
  const { data } = useLoad(
    (abortSignal) => ecr.send(new GetAccountSettingCommand({ name: 'ANONYMOUS_PULL' }), { abortSignal }),
    [ecr],
  );
  if (!data) return null; // who may not read the setting is told nothing of it
  const on = data.value === 'ENABLED';
  return (
    <Alert type={on ? 'warning' : 'info'}>
      {t(on ? 'policy.anonymousOn' : 'policy.anonymousOff')}{' '}
      <Link href={href('/settings')} onFollow={follow}>
        {t('access.settings')}
      </Link>
    </Alert>
  );
}
