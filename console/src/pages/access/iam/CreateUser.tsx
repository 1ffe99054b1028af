import { AddUserToGroupCommand, CreateUserCommand } from '@aws-sdk/client-iam';
import Alert from '@cloudscape-design/components/alert';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState } from 'react';
import { useNotify } from '../../../components/notices';
import StepDialog from '../StepDialog';
import { type Step, step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import GroupPicker from './GroupPicker';
import { userHolder } from './holder';
import NameField from './NameField';
import { validName } from './names';
import PolicyPicker from './PolicyPicker';

interface Properties {
  visible: boolean;
  onClose: () => void;
  onDone: (name: string) => void;
}

/** CreateUser makes a user with groups, policies and a permissions boundary. */
export default function CreateUser({ visible, onClose, onDone }: Properties) {
  const { t } = useTexts();
  const iam = useIam();
  const notify = useNotify();
  const [name, setName] = useState('');
  const [groups, setGroups] = useState<string[]>([]);
  const [policies, setPolicies] = useState<string[]>([]);
  const [boundary, setBoundary] = useState<string[]>([]);
  const [made, setMade] = useState(false);
  useEffect(() => {
    if (!visible) return;
    setName('');
    setGroups([]);
    setPolicies([]);
    setBoundary([]);
    setMade(false);
  }, [visible]);
  const create = step(
    'iam',
    'create-user',
    { UserName: name, PermissionsBoundary: boundary[0] },
    async (input) => {
      await iam.send(new CreateUserCommand(input));
      setMade(true);
    },
  );
  const join = (GroupName: string): Step =>
    step('iam', 'add-user-to-group', { GroupName, UserName: name }, (input) =>
      iam.send(new AddUserToGroupCommand(input)),
    );
  // What failed after the user was made is tried again without making it again; all of it may be repeated.
  const rest = [...groups.map(join), ...policies.map(userHolder(iam, name).attach)];
  const steps = validName(name) ? (made ? rest : [create, ...rest]) : [];
  return (
    <StepDialog
      visible={visible}
      header={t('iam.createUser')}
      submit={t('common.create')}
      steps={steps}
      onClose={onClose}
      onDone={() => {
        notify('success', t('iam.createdNotice', { name }));
        onDone(name);
      }}
    >
      {visible && (
        <SpaceBetween size="m">
          {made && <Alert type="info">{t('iam.userMade', { name })}</Alert>}
          <NameField label={t('iam.user')} value={name} onChange={setName} />
          <GroupPicker chosen={groups} onChange={setGroups} />
          <PolicyPicker label={t('iam.attachedPolicies')} chosen={policies} onChange={setPolicies} />
          <PolicyPicker label={t('iam.boundary')} chosen={boundary} onChange={setBoundary} most={1} />
        </SpaceBetween>
      )}
    </StepDialog>
  );
}
