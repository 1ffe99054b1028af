import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Table from '@cloudscape-design/components/table';
import { useEffect, useState } from 'react';
import { useClients } from '../../../api/clients';
import type { AccessKey } from '../../../api/nifuda.gen';
import ErrorAlert from '../../../components/ErrorAlert';
import Pager from '../../../components/Pager';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import { usePaging } from '../../../lib/paging';
import SecretOnce from '../SecretOnce';
import { useTexts } from '../useTexts';

/** Accounts are the accounts of the installation, for those who may see them. */
export default function Accounts() {
  const { t } = useTexts();
  const { own } = useClients();
  const paging = usePaging();
  const { data, error, loading, reload } = useLoad(
    (signal) => own('ListAccounts', { MaxResults: paging.size, NextToken: paging.token }, signal),
    [own, paging.size, paging.token],
  );
  const [creating, setCreating] = useState(false);
  return (
    <SpaceBetween size="m">
      <ErrorAlert error={error} retry={reload} />
      <Table
        items={data?.Accounts ?? []}
        trackBy="AccountId"
        loading={loading && !data}
        loadingText={t('common.loading')}
        wrapLines
        ariaLabels={{ tableLabel: t('settings.accounts') }}
        empty={error ? null : t('settings.noAccounts')}
        pagination={<Pager paging={paging} next={data?.NextToken} disabled={loading} />}
        header={
          <Header
            variant="h2"
            description={t('settings.accountsText')}
            actions={<Button onClick={() => setCreating(true)}>{t('settings.createAccount')}</Button>}
          >
            {t('settings.accounts')}
          </Header>
        }
        columnDefinitions={[
          {
            id: 'id',
            header: t('settings.accountId'),
            isRowHeader: true,
            minWidth: 130,
            cell: ({ AccountId }) => AccountId,
          },
          { id: 'name', header: t('iam.name'), minWidth: 110, cell: ({ Name }) => Name },
          { id: 'alias', header: t('settings.alias'), minWidth: 110, cell: ({ Alias }) => Alias },
          {
            id: 'created',
            header: t('iam.created'),
            minWidth: 110,
            cell: ({ CreatedAt }) => <Time at={CreatedAt} />,
          },
        ]}
      />
      <CreateAccount visible={creating} onClose={() => setCreating(false)} onDone={reload} />
    </SpaceBetween>
  );
}

interface CreateProperties {
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

function CreateAccount({ visible, onClose, onDone }: CreateProperties) {
  const { t } = useTexts();
  const { own } = useClients();
  const [name, setName] = useState('');
  const [id, setId] = useState('');
  const [made, setMade] = useState<AccessKey>();
  useEffect(() => {
    if (!visible) return;
    setName('');
    setId('');
    setMade(undefined);
  }, [visible]);
  const validId = id === '' || /^\d{12}$/.test(id);
  const create = async () => {
    const { AccessKey: key } = await own('CreateAccount', { Name: name, AccountId: id || undefined });
    setMade(key);
    onDone();
  };
  return (
    <SecretOnce
      visible={visible}
      header={t('settings.createAccount')}
      text={
        <SpaceBetween size="m">
          {t('settings.createText')}
          <FormField label={t('iam.name')} stretch>
            <Input value={name} onChange={(e) => setName(e.detail.value)} />
          </FormField>
          <FormField
            label={t('settings.accountId')}
            constraintText={t('settings.accountIdText')}
            errorText={validId ? undefined : t('settings.accountIdText')}
            stretch
          >
            <Input value={id} inputMode="numeric" onChange={(e) => setId(e.detail.value)} />
          </FormField>
        </SpaceBetween>
      }
      made={made && { id: made.AccessKeyId, secret: made.SecretAccessKey }}
      name={name}
      ready={name !== '' && validId}
      commands={[['nifuda', 'account', 'create', '--name', name, ...(id ? ['--id', id] : [])]]}
      onSubmit={create}
      onClose={() => {
        setMade(undefined);
        onClose();
      }}
    />
  );
}
