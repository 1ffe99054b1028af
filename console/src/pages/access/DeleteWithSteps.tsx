import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import ConfirmDelete from '../../components/ConfirmDelete';
import ErrorAlert from '../../components/ErrorAlert';
import { useNotify } from '../../components/notices';
import { useLoad } from '../../lib/load';
import { commandLine } from '../../lib/shell';
import { commandsOf, runAll, type Step } from './steps';
import { useTexts } from './useTexts';

interface Properties {
  name: string;
  visible: boolean;
  /** plan finds what has to go first; its last step is the deletion itself. */
  plan: () => Promise<Step[]>;
  onClose: () => void;
  onDone: () => void;
}

/** DeleteWithSteps tells what goes with what is deleted, and deletes it all. */
export default function DeleteWithSteps({ name, visible, plan, onClose, onDone }: Properties) {
  const { t } = useTexts();
  const notify = useNotify();
  const { data, error, loading, reload } = useLoad(async () => (visible ? plan() : []), [visible, name]);
  const steps = data ?? [];
  const before = steps.slice(0, -1);
  const confirm = async () => {
    await runAll(steps);
    onClose();
    notify('success', t('iam.deletedNotice', { name }));
    onDone();
  };
  return (
    <ConfirmDelete
      visible={visible}
      header={t('iam.deleteHeader', { name })}
      confirmation={name}
      commands={commandsOf(steps)}
      disabled={loading || steps.length === 0}
      onConfirm={confirm}
      onClose={onClose}
    >
      <SpaceBetween size="s">
        {loading && <Spinner />}
        <ErrorAlert error={error} retry={reload} />
        <Box>{t(before.length > 0 ? 'iam.deleteWith' : 'iam.deleteText')}</Box>
        {before.length > 0 && (
          <ul className="doomed">
            {before.map(({ command }) => (
              <li key={commandLine(command)}>{command.slice(2).join(' ')}</li>
            ))}
          </ul>
        )}
      </SpaceBetween>
    </ConfirmDelete>
  );
}
