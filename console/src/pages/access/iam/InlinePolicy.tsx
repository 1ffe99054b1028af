import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useEffect, useState } from 'react';
import ErrorAlert from '../../../components/ErrorAlert';
import { pretty } from '../../../lib/json';
import { useLoad } from '../../../lib/load';
import { checkPolicy, isSound } from '../policy/check';
import PolicyEditor from '../policy/PolicyEditor';
import StepDialog from '../StepDialog';
import { useTexts } from '../useTexts';
import type { Holder } from './holder';
import NameField from './NameField';
import { validName } from './names';

interface Properties {
  holder: Holder;
  /** The policy that is edited; a new one without it. */
  name?: string;
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** InlinePolicy writes a policy that one user, group or role alone has. */
export default function InlinePolicy({ holder, name, visible, onClose, onDone }: Properties) {
  const { t } = useTexts();
  const [newName, setNewName] = useState('');
  const [text, setText] = useState('');
  const { data, error, loading, reload } = useLoad(
    async () => (visible && name !== undefined ? pretty(await holder.read(name)) : ''),
    [holder, visible, name],
  );
  useEffect(() => {
    if (data !== undefined) setText(data);
  }, [data]);
  useEffect(() => {
    if (visible) setNewName('');
  }, [visible]);
  const called = name ?? newName;
  const ready = validName(called, 128) && text.trim() !== '' && isSound(checkPolicy(text, 'identity'));
  return (
    <StepDialog
      visible={visible}
      header={name ?? t('iam.createInline')}
      submit={t('common.save')}
      steps={ready ? [holder.put(called, JSON.stringify(JSON.parse(text)))] : []}
      onClose={onClose}
      onDone={onDone}
    >
      {visible && (
        <SpaceBetween size="m">
          <ErrorAlert error={error} retry={reload} />
          {name === undefined && (
            <NameField label={t('iam.policyName')} value={newName} onChange={setNewName} most={128} />
          )}
          {loading ? (
            <Spinner />
          ) : (
            <PolicyEditor kind="identity" label={t('iam.policy')} value={text} onChange={setText} />
          )}
        </SpaceBetween>
      )}
    </StepDialog>
  );
}
