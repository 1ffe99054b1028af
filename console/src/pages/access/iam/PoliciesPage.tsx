import { CreatePolicyCommand, ListPoliciesCommand } from '@aws-sdk/client-iam';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState } from 'react';
import { useClients } from '../../../api/clients';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import { refine, usePaging } from '../../../lib/paging';
import { go, href, usePlace } from '../../../lib/router';
import { checkPolicy, isSound } from '../policy/check';
import PolicyEditor from '../policy/PolicyEditor';
import StepDialog from '../StepDialog';
import { step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import { policyDeletion } from './deletion';
import Entities from './Entities';
import NameField from './NameField';
import { validName } from './names';

const scopes = ['All', 'Local', 'AWS'] as const;
const ofAws = 'arn:aws:iam::aws:';

/** PoliciesPage lists the managed policies: those of the account, and those of AWS. */
export default function PoliciesPage() {
  const { t } = useTexts();
  const iam = useIam();
  const { query } = usePlace();
  const paging = usePaging();
  const Scope = scopes.find((one) => one === query.get('scope')) ?? 'All';
  const page = useLoad(
    async (abortSignal) => {
      const input = { Scope, MaxItems: paging.size, Marker: paging.token };
      const found = await iam.send(new ListPoliciesCommand(input), { abortSignal });
      return { items: found.Policies ?? [], next: found.IsTruncated ? found.Marker : undefined };
    },
    [iam, Scope, paging.size, paging.token],
  );
  const [creating, setCreating] = useState(false);
  const options = scopes.map((value) => ({ value, label: t(`iam.scope.${value}`) }));
  return (
    <>
      <Entities
        title={t('access.policies')}
        description={t('iam.policiesText')}
        empty={t('iam.noPolicies')}
        column={t('iam.policy')}
        create={t('iam.createPolicy')}
        onCreate={() => setCreating(true)}
        page={page}
        paging={paging}
        nameOf={({ PolicyName = '' }) => PolicyName}
        pathOf={({ Arn }) => `/policies/${Arn}`}
        filters={
          <Select
            selectedOption={options.find(({ value }) => value === Scope) ?? null}
            onChange={(e) => refine({ scope: e.detail.selectedOption.value })}
            options={options}
            ariaLabel={t('iam.scope')}
          />
        }
        columns={[
          {
            id: 'type',
            header: t('iam.scope'),
            cell: ({ Arn = '' }) => t(Arn.startsWith(ofAws) ? 'iam.scope.AWS' : 'iam.scope.Local'),
          },
          { id: 'used', header: t('iam.usedBy'), cell: ({ AttachmentCount }) => AttachmentCount },
          { id: 'updated', header: t('iam.updated'), cell: ({ UpdateDate }) => <Time at={UpdateDate} /> },
        ]}
        deletable={({ Arn = '' }) => !Arn.startsWith(ofAws)}
        deletion={({ Arn = '' }) => policyDeletion(iam, Arn)}
      />
      <CreatePolicy visible={creating} onClose={() => setCreating(false)} />
    </>
  );
}

function CreatePolicy({ visible, onClose }: { visible: boolean; onClose: () => void }) {
  const { t } = useTexts();
  const iam = useIam();
  const { session } = useClients();
  const [name, setName] = useState('');
  const [description, setDescription] = useState('');
  const [text, setText] = useState('');
  useEffect(() => {
    if (!visible) return;
    setName('');
    setDescription('');
    setText('');
  }, [visible]);
  const ready = validName(name, 128) && text.trim() !== '' && isSound(checkPolicy(text, 'managed'));
  const input = () => ({
    PolicyName: name,
    Description: description || undefined,
    PolicyDocument: JSON.stringify(JSON.parse(text)),
  });
  return (
    <StepDialog
      visible={visible}
      header={t('iam.createPolicy')}
      submit={t('common.create')}
      steps={
        ready ? [step('iam', 'create-policy', input(), (i) => iam.send(new CreatePolicyCommand(i)))] : []
      }
      onClose={onClose}
      onDone={() => go(href(`/policies/arn:aws:iam::${session.account}:policy/${name}`))}
    >
      {visible && (
        <SpaceBetween size="m">
          <NameField label={t('iam.policyName')} value={name} onChange={setName} most={128} />
          <FormField label={t('iam.description')} stretch>
            <Input value={description} onChange={(e) => setDescription(e.detail.value)} />
          </FormField>
          <PolicyEditor kind="managed" label={t('iam.policy')} value={text} onChange={setText} />
        </SpaceBetween>
      )}
    </StepDialog>
  );
}
