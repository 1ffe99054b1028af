import { CreateAliasCommand, CreateKeyCommand } from '@aws-sdk/client-kms';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import Link from '@cloudscape-design/components/link';
import SpaceBetween from '@cloudscape-design/components/space-between';
import type { TableProps } from '@cloudscape-design/components/table';
import { useEffect, useState } from 'react';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import { usePaging } from '../../../lib/paging';
import { follow, go, href } from '../../../lib/router';
import Listing from '../Listing';
import StepDialog from '../StepDialog';
import { type Step, step } from '../steps';
import { type TranslateText, useTexts } from '../useTexts';
import { validAlias } from './alias';
import { type Key, listKeys, useKms } from './client';
import KeyState from './KeyState';

const nameOf = ({ id, aliases }: Key) => aliases[0] ?? id;

/** KeysPage lists the keys of the region. */
export default function KeysPage() {
  const { t } = useTexts();
  const kms = useKms();
  const paging = usePaging();
  const page = useLoad(
    (signal) => listKeys(kms, { Limit: paging.size, Marker: paging.token }, signal),
    [kms, paging.size, paging.token],
  );
  const [creating, setCreating] = useState(false);
  return (
    <>
      <Listing
        title={t('access.kms')}
        description={t('kms.text')}
        columns={columns(t)}
        page={page}
        paging={paging}
        nameOf={nameOf}
        empty={t('kms.none')}
        create={
          <Button variant="primary" onClick={() => setCreating(true)}>
            {t('kms.create')}
          </Button>
        }
      />
      <CreateKey visible={creating} onClose={() => setCreating(false)} />
    </>
  );
}

const columns = (t: TranslateText): TableProps.ColumnDefinition<Key>[] => [
  {
    id: 'name',
    header: t('kms.key'),
    isRowHeader: true,
    cell: (one) => (
      <Link href={href(`/kms/${one.id}`)} onFollow={follow}>
        {nameOf(one)}
      </Link>
    ),
  },
  { id: 'state', header: t('iam.status'), cell: ({ metadata }) => <KeyState state={metadata?.KeyState} /> },
  { id: 'description', header: t('iam.description'), cell: ({ metadata }) => metadata?.Description },
  {
    id: 'created',
    header: t('iam.created'),
    cell: ({ metadata }) => metadata && <Time at={metadata.CreationDate} />,
  },
];

function CreateKey({ visible, onClose }: { visible: boolean; onClose: () => void }) {
  const { t } = useTexts();
  const kms = useKms();
  const [alias, setAlias] = useState('');
  const [description, setDescription] = useState('');
  const [made, setMade] = useState('');
  useEffect(() => {
    if (!visible) return;
    setAlias('');
    setDescription('');
    setMade('');
  }, [visible]);
  let id = made;
  const create = step('kms', 'create-key', { Description: description || undefined }, async (input) => {
    id = (await kms.send(new CreateKeyCommand(input))).KeyMetadata?.KeyId ?? '';
    setMade(id);
  });
  const name: Step = step(
    'kms',
    'create-alias',
    { AliasName: `alias/${alias}`, TargetKeyId: made || 'KEY_ID' },
    (input) => kms.send(new CreateAliasCommand({ ...input, TargetKeyId: id })),
  );
  const steps = [...(made ? [] : [create]), ...(alias ? [name] : [])];
  return (
    <StepDialog
      visible={visible}
      header={t('kms.create')}
      submit={t('common.create')}
      steps={alias === '' || validAlias(alias) ? steps : []}
      onClose={onClose}
      onDone={() => go(href(`/kms/${id}`))}
    >
      <SpaceBetween size="m">
        <FormField
          label={t('kms.alias')}
          description={t('kms.aliasText')}
          errorText={alias !== '' && !validAlias(alias) ? t('kms.aliasError') : undefined}
          stretch
        >
          <Input value={alias} onChange={(e) => setAlias(e.detail.value)} placeholder="team-blue" />
        </FormField>
        <FormField label={t('iam.description')} stretch>
          <Input value={description} onChange={(e) => setDescription(e.detail.value)} />
        </FormField>
      </SpaceBetween>
    </StepDialog>
  );
}
