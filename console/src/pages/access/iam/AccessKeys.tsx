import {
  type AccessKeyMetadata,
  GetAccessKeyLastUsedCommand,
  type IAMClient,
  ListAccessKeysCommand,
  UpdateAccessKeyCommand,
} from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import ErrorAlert from '../../../components/ErrorAlert';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import StepDialog from '../StepDialog';
import { type Step, step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import { keyDeletion } from './deletion';
import NewAccessKey from './NewAccessKey';

interface Key extends AccessKeyMetadata {
  usedAt?: Date;
  usedFor?: string;
}

async function keysOf(iam: IAMClient, UserName: string, abortSignal: AbortSignal): Promise<Key[]> {
  const { AccessKeyMetadata: keys = [] } = await iam.send(new ListAccessKeysCommand({ UserName }), {
    abortSignal,
  });
  return Promise.all(
    keys.map(async (key) => {
      const { AccessKeyId } = key;
      const { AccessKeyLastUsed: used } = await iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId }), {
        abortSignal,
      });
      return { ...key, usedAt: used?.LastUsedDate, usedFor: used?.ServiceName };
    }),
  );
}

interface Asked {
  header: string;
  text: string;
  step: Step;
}

/** AccessKeys are the access keys of a user. */
export default function AccessKeys({ user }: { user: string }) {
  const { t } = useTexts();
  const iam = useIam();
  const { data, error, loading, reload } = useLoad((signal) => keysOf(iam, user, signal), [iam, user]);
  const [creating, setCreating] = useState(false);
  const [asked, setAsked] = useState<Asked>();
  const [asking, setAsking] = useState(false);
  const ask = (what: Asked) => {
    setAsked(what);
    setAsking(true);
  };
  const switched = ({ AccessKeyId = '', Status }: Key): Asked => {
    const on = Status !== 'Active';
    const input = { UserName: user, AccessKeyId, Status: on ? ('Active' as const) : ('Inactive' as const) };
    return {
      header: t(on ? 'iam.enableKey' : 'iam.disableKey'),
      text: t(on ? 'iam.enableKeyText' : 'iam.disableKeyText', { key: AccessKeyId }),
      step: step('iam', 'update-access-key', input, (i) => iam.send(new UpdateAccessKeyCommand(i))),
    };
  };
  const deleted = ({ AccessKeyId = '' }: Key): Asked => ({
    header: t('iam.deleteKey'),
    text: t('iam.deleteKeyText', { key: AccessKeyId }),
    step: keyDeletion(iam, user, AccessKeyId),
  });
  return (
    <>
      <ErrorAlert error={error} retry={reload} />
      <Table
        loading={loading && !data}
        loadingText={t('common.loading')}
        items={data ?? []}
        trackBy="AccessKeyId"
        wrapLines
        ariaLabels={{ tableLabel: t('iam.accessKeys') }}
        empty={t('iam.noKeys')}
        header={
          <Header
            variant="h2"
            counter={data && `(${data.length})`}
            description={t('iam.accessKeysText')}
            actions={<Button onClick={() => setCreating(true)}>{t('iam.createKey')}</Button>}
          >
            {t('iam.accessKeys')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'id',
            header: t('iam.accessKeyId'),
            isRowHeader: true,
            cell: ({ AccessKeyId }) => AccessKeyId,
          },
          {
            id: 'status',
            header: t('iam.status'),
            cell: ({ Status }) => (
              <StatusIndicator type={Status === 'Active' ? 'success' : 'stopped'}>
                {t(Status === 'Active' ? 'iam.active' : 'iam.inactive')}
              </StatusIndicator>
            ),
          },
          {
            id: 'used',
            header: t('iam.lastUsed'),
            cell: ({ usedAt, usedFor }) => (
              <>
                <Time at={usedAt} /> {usedAt && usedFor && `(${usedFor})`}
              </>
            ),
          },
          { id: 'created', header: t('iam.created'), cell: ({ CreateDate }) => <Time at={CreateDate} /> },
          {
            id: 'action',
            header: t('iam.actions'),
            cell: (key) => (
              <SpaceBetween direction="horizontal" size="s">
                <Button
                  variant="inline-link"
                  ariaLabel={`${t(key.Status === 'Active' ? 'iam.disable' : 'iam.enable')} ${key.AccessKeyId}`}
                  onClick={() => ask(switched(key))}
                >
                  {t(key.Status === 'Active' ? 'iam.disable' : 'iam.enable')}
                </Button>
                <Button
                  variant="inline-link"
                  ariaLabel={`${t('common.delete')} ${key.AccessKeyId}`}
                  onClick={() => ask(deleted(key))}
                >
                  {t('common.delete')}
                </Button>
              </SpaceBetween>
            ),
          },
        ]}
      />
      <NewAccessKey user={user} visible={creating} onClose={() => setCreating(false)} onDone={reload} />
      <StepDialog
        visible={asking}
        header={asked?.header ?? ''}
        submit={asked?.header ?? ''}
        steps={asked ? [asked.step] : []}
        onClose={() => setAsking(false)}
        onDone={reload}
      >
        {asked?.text}
      </StepDialog>
    </>
  );
}
