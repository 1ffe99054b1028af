import { GetUserCommand } from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import { useMemo, useState } from 'react';
import Copy from '../../../components/Copy';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import { go, href, setQuery, usePlace } from '../../../lib/router';
import DeleteWithSteps from '../DeleteWithSteps';
import Refused from '../Refused';
import { useTexts } from '../useTexts';
import AccessKeys from './AccessKeys';
import { useIam } from './client';
import { userDeletion } from './deletion';
import { userHolder } from './holder';
import Password from './Password';
import Permissions from './Permissions';
import UserGroups from './UserGroups';

const tabs = ['permissions', 'groups', 'security'] as const;

/** UserPage is a user: what it may do, its groups, its keys and its password. */
export default function UserPage({ name }: { name: string }) {
  const { t } = useTexts();
  const iam = useIam();
  const { query } = usePlace();
  const [deleting, setDeleting] = useState(false);
  const holder = useMemo(() => userHolder(iam, name), [iam, name]);
  const { data, error, reload } = useLoad(
    async (abortSignal) => (await iam.send(new GetUserCommand({ UserName: name }), { abortSignal })).User,
    [iam, name],
  );
  if (error && !data) return <Refused name={name} error={error} retry={reload} />;
  if (!data) return <Spinner size="large" />;
  const content = {
    permissions: (
      <Permissions
        holder={holder}
        boundary={data.PermissionsBoundary?.PermissionsBoundaryArn}
        onChanged={reload}
      />
    ),
    groups: <UserGroups user={name} />,
    security: (
      <SpaceBetween size="l">
        <AccessKeys user={name} />
        <Password user={name} />
      </SpaceBetween>
    ),
  };
  const active = tabs.find((id) => id === query.get('tab')) ?? tabs[0];
  return (
    <SpaceBetween size="l">
      <Header variant="h1" actions={<Button onClick={() => setDeleting(true)}>{t('common.delete')}</Button>}>
        {name}
      </Header>
      <Container>
        <KeyValuePairs
          columns={3}
          items={[
            { label: 'ARN', value: <Copy text={data.Arn ?? ''} label="ARN" /> },
            { label: t('iam.created'), value: <Time at={data.CreateDate} exact /> },
            { label: t('iam.passwordUsed'), value: <Time at={data.PasswordLastUsed} exact /> },
          ]}
        />
      </Container>
      <Tabs
        ariaLabel={name}
        activeTabId={active}
        onChange={(e) => setQuery({ tab: e.detail.activeTabId }, false)}
        tabs={tabs.map((id) => ({
          id,
          label: t(id === 'permissions' ? 'access.permissions' : `iam.tab.${id}`),
          content: id === active && content[id],
        }))}
      />
      <DeleteWithSteps
        name={name}
        visible={deleting}
        plan={() => userDeletion(iam, name)}
        onClose={() => setDeleting(false)}
        onDone={() => go(href('/users'))}
      />
    </SpaceBetween>
  );
}
