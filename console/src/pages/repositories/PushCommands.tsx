import { DescribeRepositoriesCommand } from '@aws-sdk/client-ecr';
import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Modal from '@cloudscape-design/components/modal';
import SegmentedControl from '@cloudscape-design/components/segmented-control';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import { useState } from 'react';
import { useClients } from '../../api/clients';
import ErrorAlert from '../../components/ErrorAlert';
import { useLanguage } from '../../i18n';
import { useLoad } from '../../lib/load';
import type { Engine } from '../../lib/pushCommands';
import type { Shell } from '../../lib/shell';
import Commands from './Commands';

interface Properties {
  repository: string;
  visible: boolean;
  onClose: () => void;
  /** Begins with the commands that pull in place of those that push. */
  pull?: boolean;
  /** What the commands are about; latest without it. A digest can be pulled only. */
  reference?: string;
}

/** PushCommands shows how an image gets into a repository, and out again, with the host of this installation. */
export default function PushCommands({ repository, visible, onClose, pull, reference }: Properties) {
  const { t } = useLanguage();
  const { ecr, session } = useClients();
  const [engine, setEngine] = useState<Engine>('docker');
  const [shell, setShell] = useState<Shell>('posix');
  const [chosen, setChosen] = useState<boolean>();
  const { data, error, reload } = useLoad(async () => {
    if (!visible) return undefined;
    const found = await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [repository] }));
    return found.repositories?.[0]?.repositoryUri;
  }, [ecr, repository, visible]);
  const pulls = chosen ?? pull ?? false;
  const close = () => {
    setChosen(undefined);
    onClose();
  };
  const content = data ? (
    <Commands
      target={{ uri: data, region: session.region, origin: location.origin }}
      engine={engine}
      shell={shell}
      pulls={pulls}
      reference={reference}
    />
  ) : (
    !error && <Spinner />
  );
  return (
    <Modal
      size="large"
      visible={visible}
      onDismiss={close}
      header={t(pulls ? 'repositories.pullHeader' : 'repositories.pushHeader', { name: repository })}
      footer={
        <Box float="right">
          <Button variant="primary" onClick={close}>
            {t('common.close')}
          </Button>
        </Box>
      }
    >
      <SpaceBetween size="m">
        <ErrorAlert error={error} retry={reload} />
        <SpaceBetween size="m" direction="horizontal">
          <SegmentedControl
            label={t('repositories.direction')}
            selectedId={pulls ? 'pull' : 'push'}
            options={[
              { id: 'push', text: t('repositories.push') },
              { id: 'pull', text: t('repositories.pull') },
            ]}
            onChange={(e) => setChosen(e.detail.selectedId === 'pull')}
          />
          <SegmentedControl
            label={t('repositories.engine')}
            selectedId={engine}
            options={[
              { id: 'docker', text: 'docker' },
              { id: 'podman', text: 'podman' },
            ]}
            onChange={(e) => setEngine(e.detail.selectedId === 'podman' ? 'podman' : 'docker')}
          />
        </SpaceBetween>
        <Tabs
          ariaLabel={t('repositories.system')}
          activeTabId={shell}
          onChange={(e) => setShell(e.detail.activeTabId === 'powershell' ? 'powershell' : 'posix')}
          tabs={[
            { id: 'posix', label: t('repositories.posix'), content: shell === 'posix' && content },
            {
              id: 'powershell',
              label: t('repositories.powershell'),
              content: shell === 'powershell' && content,
            },
          ]}
        />
      </SpaceBetween>
    </Modal>
  );
}
