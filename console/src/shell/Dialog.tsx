import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useId, useState } from 'react';
import ErrorAlert from '../components/ErrorAlert';
import { useLanguage } from '../i18n';

interface Properties {
  visible: boolean;
  header: string;
  action: string;
  disabled?: boolean;
  children: ReactNode;
  onSubmit: () => Promise<void> | void;
  onClose: () => void;
}

/** Dialog is a small form above a page. */
export default function Dialog(p: Properties) {
  const { t } = useLanguage();
  const form = useId();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const submit = async () => {
    if (p.disabled) return;
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
      onDismiss={p.onClose}
      header={p.header}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" onClick={p.onClose}>
              {t('common.cancel')}
            </Button>
            <Button variant="primary" form={form} disabled={p.disabled} loading={busy}>
              {p.action}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <form
        id={form}
        onSubmit={(e) => {
          e.preventDefault();
          void submit();
        }}
      >
        <SpaceBetween size="m">
          {p.children}
          <ErrorAlert error={error} />
        </SpaceBetween>
      </form>
    </Modal>
  );
}
