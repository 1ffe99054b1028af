import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useEffect, useState } from 'react';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import { useLanguage } from '../../i18n';

interface Properties {
  visible: boolean;
  header: string;
  submit: string;
  disabled?: boolean;
  children: ReactNode;
  commands: (string[] | string)[];
  onSubmit: () => Promise<void>;
  onClose: () => void;
}

/** ActionDialog is a form in a dialog that shows what the server answers. It stays mounted, so that the focus goes back to what opened it. */
export default function ActionDialog(p: Properties) {
  const { t } = useLanguage();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if (p.visible) setError(undefined);
  }, [p.visible]);
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await p.onSubmit();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal
      visible={p.visible}
      size="large"
      onDismiss={p.onClose}
      header={p.header}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={p.onClose}>
              {t('common.cancel')}
            </Button>
            <Button variant="primary" disabled={p.disabled} loading={busy} onClick={submit}>
              {p.submit}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {p.children}
        <ErrorAlert error={error} />
        {p.commands.length > 0 && <Cli commands={p.commands} />}
      </SpaceBetween>
    </Modal>
  );
}
