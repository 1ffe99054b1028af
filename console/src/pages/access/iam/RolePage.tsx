import {
  GetRoleCommand,
  type Role,
  UpdateAssumeRolePolicyCommand,
  UpdateRoleCommand,
} from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import { useEffect, useMemo, useState } from 'react';
import Copy from '../../../components/Copy';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import { go, href, setQuery, usePlace } from '../../../lib/router';
import DeleteWithSteps from '../DeleteWithSteps';
import Refused from '../Refused';
import StepDialog from '../StepDialog';
import { step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import { roleDeletion } from './deletion';
import { documentOf, roleHolder } from './holder';
import Permissions from './Permissions';
import PolicyForm from './PolicyForm';

const tabs = ['permissions', 'trust'] as const;
const hours = [1, 2, 4, 8, 12];

/** RolePage is a role: what it may do, and who may take it on. */
export default function RolePage({ name }: { name: string }) {
  const { t } = useTexts();
  const iam = useIam();
  const { query } = usePlace();
  const holder = useMemo(() => roleHolder(iam, name), [iam, name]);
  const [deleting, setDeleting] = useState(false);
  const [editing, setEditing] = useState(false);
  const { data, error, reload } = useLoad(
    async (abortSignal) => (await iam.send(new GetRoleCommand({ RoleName: name }), { abortSignal })).Role,
    [iam, name],
  );
  if (error && !data) return <Refused name={name} error={error} retry={reload} />;
  if (!data) return <Spinner size="large" />;
  const trust = (PolicyDocument: string) =>
    step('iam', 'update-assume-role-policy', { RoleName: name, PolicyDocument }, (i) =>
      iam.send(new UpdateAssumeRolePolicyCommand(i)),
    );
  const content = {
    permissions: (
      <Permissions
        holder={holder}
        boundary={data.PermissionsBoundary?.PermissionsBoundaryArn}
        onChanged={reload}
      />
    ),
    trust: (
      <PolicyForm
        kind="trust"
        title={t('iam.trust')}
        description={t('iam.trustText')}
        saved={documentOf(data.AssumeRolePolicyDocument)}
        save={trust}
        onSaved={reload}
      />
    ),
  };
  const active = tabs.find((id) => id === query.get('tab')) ?? tabs[0];
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={data.Description}
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button onClick={() => setDeleting(true)}>{t('common.delete')}</Button>
            <Button onClick={() => setEditing(true)}>{t('common.edit')}</Button>
          </SpaceBetween>
        }
      >
        {name}
      </Header>
      <Container>
        <KeyValuePairs
          columns={4}
          items={[
            { label: 'ARN', value: <Copy text={data.Arn ?? ''} label="ARN" /> },
            { label: t('iam.created'), value: <Time at={data.CreateDate} exact /> },
            { label: t('iam.lastUsed'), value: <Time at={data.RoleLastUsed?.LastUsedDate} exact /> },
            {
              label: t('iam.maxSession'),
              value: t('iam.hours', { n: (data.MaxSessionDuration ?? 3600) / 3600 }),
            },
          ]}
        />
      </Container>
      <Tabs
        ariaLabel={name}
        activeTabId={active}
        onChange={(e) => setQuery({ tab: e.detail.activeTabId }, false)}
        tabs={tabs.map((id) => ({
          id,
          label: t(id === 'permissions' ? 'access.permissions' : 'iam.trust'),
          content: id === active && content[id],
        }))}
      />
      <EditRole role={data} visible={editing} onClose={() => setEditing(false)} onDone={reload} />
      <DeleteWithSteps
        name={name}
        visible={deleting}
        plan={() => roleDeletion(iam, name)}
        onClose={() => setDeleting(false)}
        onDone={() => go(href('/roles'))}
      />
    </SpaceBetween>
  );
}

interface EditProperties {
  role: Role;
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

function EditRole({ role, visible, onClose, onDone }: EditProperties) {
  const { t } = useTexts();
  const iam = useIam();
  const [description, setDescription] = useState('');
  const [seconds, setSeconds] = useState(3600);
  useEffect(() => {
    if (!visible) return;
    setDescription(role.Description ?? '');
    setSeconds(role.MaxSessionDuration ?? 3600);
  }, [visible, role]);
  const input = { RoleName: role.RoleName ?? '', Description: description, MaxSessionDuration: seconds };
  const options = [...new Set([...hours.map((n) => n * 3600), seconds])].map((n) => ({
    value: String(n),
    label: t('iam.hours', { n: n / 3600 }),
  }));
  return (
    <StepDialog
      visible={visible}
      header={role.RoleName ?? ''}
      submit={t('common.save')}
      steps={[step('iam', 'update-role', input, (i) => iam.send(new UpdateRoleCommand(i)))]}
      onClose={onClose}
      onDone={onDone}
    >
      <SpaceBetween size="m">
        <FormField label={t('iam.description')} stretch>
          <Input value={description} onChange={(e) => setDescription(e.detail.value)} />
        </FormField>
        <FormField label={t('iam.maxSession')} stretch>
          <Select
            selectedOption={options.find(({ value }) => value === String(seconds)) ?? null}
            onChange={(e) => setSeconds(Number(e.detail.selectedOption.value))}
            options={options}
          />
        </FormField>
      </SpaceBetween>
    </StepDialog>
  );
}
