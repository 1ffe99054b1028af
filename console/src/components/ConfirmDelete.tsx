import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useEffect, useState } from 'react';
import { useLanguage } from '../i18n';
import Cli from './Cli';
import ErrorAlert from './ErrorAlert';

interface Properties {
  visible: boolean;
  header: string;
  /** What has to be typed before anything is deleted; nothing without it. */
  confirmation?: string;
  /** What would happen. */
  children: ReactNode;
  commands: string[][];
  disabled?: boolean;
  onConfirm: () => Promise<void>;
  onClose: () => void;
}

/** ConfirmDelete asks before something is deleted. It stays mounted, so that the focus goes back to what opened it. */
export default function ConfirmDelete(p: Properties) {
  const { t } = useLanguage();
  const [typed, setTyped] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    if (p.visible) {
      setTyped('');
      setError(undefined);
    }
  }, [p.visible]);
  const confirm = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await p.onConfirm();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const ready = !p.disabled && (!p.confirmation || typed === p.confirmation);
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
            <Button
              variant="primary"
              disabled={!ready}
              loading={busy}
              onClick={confirm}
              data-testid="confirm"
            >
              {t('common.delete')}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        {p.children}
        {p.confirmation && (
          <FormField label={t('common.typeToConfirm', { text: p.confirmation })}>
            <Input
              value={typed}
              onChange={(e) => setTyped(e.detail.value)}
              placeholder={p.confirmation}
              autoComplete={false}
            />
          </FormField>
        )}
        <ErrorAlert error={error} />
        <Cli commands={p.commands} />
      </SpaceBetween>
    </Modal>
  );
}
