import { CreateAliasCommand, DeleteAliasCommand } from '@aws-sdk/client-kms';
import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import Table from '@cloudscape-design/components/table';
import { useState } from 'react';
import StepDialog from '../StepDialog';
import { type Step, step } from '../steps';
import { useTexts } from '../useTexts';
import { validAlias } from './alias';
import { useKms } from './client';

interface Properties {
  keyId: string;
  aliases: string[];
  onChanged: () => void;
}

/** Aliases are the names of a key. */
export default function Aliases({ keyId, aliases, onChanged }: Properties) {
  const { t } = useTexts();
  const kms = useKms();
  const [adding, setAdding] = useState(false);
  const [name, setName] = useState('');
  const [removed, setRemoved] = useState<Step>();
  const [removing, setRemoving] = useState(false);
  const create = step('kms', 'create-alias', { AliasName: `alias/${name}`, TargetKeyId: keyId }, (i) =>
    kms.send(new CreateAliasCommand(i)),
  );
  const remove = (AliasName: string) =>
    step('kms', 'delete-alias', { AliasName }, (i) => kms.send(new DeleteAliasCommand(i)));
  return (
    <>
      <Table
        items={aliases.map((alias) => ({ alias }))}
        trackBy="alias"
        wrapLines
        ariaLabels={{ tableLabel: t('kms.aliases') }}
        empty={t('kms.noAliases')}
        header={
          <Header
            variant="h2"
            counter={`(${aliases.length})`}
            actions={
              <Button
                onClick={() => {
                  setName('');
                  setAdding(true);
                }}
              >
                {t('kms.addAlias')}
              </Button>
            }
          >
            {t('kms.aliases')}
          </Header>
        }
        columnDefinitions={[
          { id: 'alias', header: t('kms.alias'), isRowHeader: true, cell: ({ alias }) => alias },
          {
            id: 'action',
            header: t('iam.actions'),
            cell: ({ alias }) =>
              !alias.startsWith('alias/aws/') && (
                <Button
                  variant="inline-link"
                  ariaLabel={`${t('common.delete')} ${alias}`}
                  onClick={() => {
                    setRemoved(remove(alias));
                    setRemoving(true);
                  }}
                >
                  {t('common.delete')}
                </Button>
              ),
          },
        ]}
      />
      <StepDialog
        visible={adding}
        header={t('kms.addAlias')}
        submit={t('iam.add')}
        steps={validAlias(name) ? [create] : []}
        onClose={() => setAdding(false)}
        onDone={onChanged}
      >
        <FormField
          label={t('kms.alias')}
          description={t('kms.aliasText')}
          errorText={name !== '' && !validAlias(name) ? t('kms.aliasError') : undefined}
          stretch
        >
          <Input value={name} onChange={(e) => setName(e.detail.value)} />
        </FormField>
      </StepDialog>
      <StepDialog
        visible={removing}
        header={t('kms.deleteAlias')}
        submit={t('common.delete')}
        steps={removed ? [removed] : []}
        onClose={() => setRemoving(false)}
        onDone={onChanged}
      >
        {t('kms.deleteAliasText')}
      </StepDialog>
    </>
  );
}
