import { CreateRoleCommand, ListRolesCommand } from '@aws-sdk/client-iam';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState } from 'react';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import { usePaging } from '../../../lib/paging';
import { go, href } from '../../../lib/router';
import { checkPolicy, isSound } from '../policy/check';
import PolicyEditor from '../policy/PolicyEditor';
import StepDialog from '../StepDialog';
import { step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import { roleDeletion } from './deletion';
import Entities from './Entities';
import NameField from './NameField';
import { validName } from './names';

/** RolesPage lists the roles of the account. */
export default function RolesPage() {
  const { t } = useTexts();
  const iam = useIam();
  const paging = usePaging();
  const page = useLoad(
    async (abortSignal) => {
      const input = { MaxItems: paging.size, Marker: paging.token };
      const found = await iam.send(new ListRolesCommand(input), { abortSignal });
      return { items: found.Roles ?? [], next: found.IsTruncated ? found.Marker : undefined };
    },
    [iam, paging.size, paging.token],
  );
  const [creating, setCreating] = useState(false);
  return (
    <>
      <Entities
        title={t('access.roles')}
        description={t('iam.rolesText')}
        empty={t('iam.noRoles')}
        column={t('iam.role')}
        create={t('iam.createRole')}
        onCreate={() => setCreating(true)}
        page={page}
        paging={paging}
        nameOf={({ RoleName = '' }) => RoleName}
        pathOf={({ RoleName }) => `/roles/${RoleName}`}
        columns={[
          { id: 'description', header: t('iam.description'), cell: ({ Description }) => Description },
          { id: 'path', header: t('iam.path'), cell: ({ Path }) => Path },
          { id: 'created', header: t('iam.created'), cell: ({ CreateDate }) => <Time at={CreateDate} /> },
        ]}
        deletion={({ RoleName = '' }) => roleDeletion(iam, RoleName)}
      />
      <CreateRole visible={creating} onClose={() => setCreating(false)} />
    </>
  );
}

function CreateRole({ visible, onClose }: { visible: boolean; onClose: () => void }) {
  const { t } = useTexts();
  const iam = useIam();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [trust, setTrust] = useState('');
  useEffect(() => {
    if (!visible) return;
    setName('');
    setDescription('');
    setTrust('');
  }, [visible]);
  const ready = validName(name) && trust.trim() !== '' && isSound(checkPolicy(trust, 'trust'));
  const input = () => ({
    RoleName: name,
    Description: description || undefined,
    AssumeRolePolicyDocument: JSON.stringify(JSON.parse(trust)),
  });
  return (
    <StepDialog
      visible={visible}
      header={t('iam.createRole')}
      submit={t('common.create')}
      steps={ready ? [step('iam', 'create-role', input(), (i) => iam.send(new CreateRoleCommand(i)))] : []}
      onClose={onClose}
      onDone={() => go(href(`/roles/${name}`))}
    >
      {visible && (
        <SpaceBetween size="m">
          <NameField label={t('iam.role')} value={name} onChange={setName} />
          <FormField label={t('iam.description')} stretch>
            <Input value={description} onChange={(e) => setDescription(e.detail.value)} />
          </FormField>
          <FormField label={t('iam.trust')} description={t('iam.trustText')} stretch>
            <PolicyEditor kind="trust" label={t('iam.trust')} value={trust} onChange={setTrust} />
          </FormField>
        </SpaceBetween>
      )}
    </StepDialog>
  );
}
