import type { ReactNode } from 'react';
import ActionDialog from '../tags/ActionDialog';
import { commandsOf, runAll, type Step } from './steps';

interface Properties {
  visible: boolean;
  header: string;
  submit: string;
  /** What would be done; nothing while what is typed is not enough. */
  steps: Step[];
  children: ReactNode;
  onClose: () => void;
  onDone: () => void;
}

/** StepDialog is a form whose steps are shown as commands, and taken when it is sent. */
export default function StepDialog({ steps, onClose, onDone, ...rest }: Properties) {
  const submit = async () => {
    await runAll(steps);
    onClose();
    onDone();
  };
  return (
    <ActionDialog
      {...rest}
      disabled={steps.length === 0}
      commands={commandsOf(steps)}
      onSubmit={submit}
      onClose={onClose}
    />
  );
}
