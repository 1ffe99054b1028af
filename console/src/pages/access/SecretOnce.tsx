import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import Modal from '@cloudscape-design/components/modal';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { type ReactNode, useState } from 'react';
import Copy from '../../components/Copy';
import ActionDialog from '../tags/ActionDialog';
import { useTexts } from './useTexts';

interface Properties {
  visible: boolean;
  header: string;
  text: ReactNode;
  /** The key, once it is made. */
  made?: { id: string; secret: string };
  /** Whose it is, for the name of the file. */
  name: string;
  ready?: boolean;
  commands: string[][];
  onSubmit: () => Promise<void>;
  onClose: () => void;
}

/** SecretOnce makes an access key, and then shows it for as long as the dialog is open. */
export default function SecretOnce(p: Properties) {
  const { t } = useTexts();
  if (!p.made) {
    return (
      <ActionDialog
        visible={p.visible}
        header={p.header}
        submit={t('common.create')}
        disabled={p.ready === false}
        commands={p.commands}
        onSubmit={p.onSubmit}
        onClose={p.onClose}
      >
        {p.text}
      </ActionDialog>
    );
  }
  return <Shown {...p} made={p.made} />;
}

function Shown({
  visible,
  header,
  made,
  name,
  onClose,
}: Properties & { made: { id: string; secret: string } }) {
  const { t } = useTexts();
  const [seen, setSeen] = useState(false);
  return (
    <Modal
      visible={visible}
      size="large"
      header={header}
      onDismiss={onClose}
      footer={
        <Box float="right">
          <SpaceBetween direction="horizontal" size="xs">
            <Button iconName="download" onClick={() => save(made, name)}>
              {t('iam.downloadKey')}
            </Button>
            <Button variant="primary" onClick={onClose}>
              {t('common.close')}
            </Button>
          </SpaceBetween>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <Alert type="warning">{t('iam.onlyNow')}</Alert>
        <KeyValuePairs
          columns={1}
          items={[
            { label: t('iam.accessKeyId'), value: <Copy text={made.id} label={t('iam.accessKeyId')} /> },
            {
              label: t('iam.secret'),
              value: (
                <SpaceBetween size="xs">
                  <div className="secret" data-testid="secret">
                    <Copy
                      text={made.secret}
                      shown={seen ? made.secret : '•'.repeat(16)}
                      label={t('iam.secret')}
                    />
                  </div>
                  <Button variant="inline-link" onClick={() => setSeen(!seen)}>
                    {t(seen ? 'iam.hide' : 'iam.show')}
                  </Button>
                </SpaceBetween>
              ),
            },
          ]}
        />
      </SpaceBetween>
    </Modal>
  );
}

// As the console of AWS writes it. A name is not in it: spreadsheets take one that begins with = for a formula.
function save({ id, secret }: { id: string; secret: string }, name: string) {
  const text = `Access key ID,Secret access key\n${id},${secret}\n`;
  const url = URL.createObjectURL(new Blob([text], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = `${name}_accessKeys.csv`;
  link.click();
  URL.revokeObjectURL(url);
}
