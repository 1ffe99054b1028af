import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useState } from 'react';
import Copy from '../../../components/Copy';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import PolicyForm from '../iam/PolicyForm';
import Refused from '../Refused';
import StepDialog from '../StepDialog';
import { step } from '../steps';
import { useTexts } from '../useTexts';
import Aliases from './Aliases';
import { readKey, useKms, type WholeKey } from './client';
import KeyState from './KeyState';
import Rotation from './Rotation';

/** KeyPage is a key: who may use it, how it is called, and whether it can be used. */
export default function KeyPage({ name: id }: { name: string }) {
  const { t } = useTexts();
  const kms = useKms();
  const { data, error, reload } = useLoad((signal) => readKey(kms, id, signal), [kms, id]);
  if (error && !data) return <Refused name={id} error={error} retry={reload} />;
  if (!data) return <Spinner size="large" />;
  const { metadata, aliases, policy, rotation } = data;
  const KeyId = metadata.KeyId ?? id;
  const ofAws = metadata.KeyManager === 'AWS';
  const save = (Policy: string) =>
    step('kms', 'put-key-policy', { KeyId, PolicyName: 'default', Policy }, (i) =>
      kms.send(new PutKeyPolicyCommand(i)),
    );
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={metadata.Description}
        actions={!ofAws && <Actions of={data} onDone={reload} />}
      >
        {aliases[0] ?? KeyId}
      </Header>
      {ofAws && <Alert type="info">{t('kms.ofAws')}</Alert>}
      {metadata.KeyState !== 'Enabled' && <Alert type="warning">{t('kms.stopped')}</Alert>}
      <Container>
        <KeyValuePairs
          columns={3}
          items={[
            { label: 'ARN', value: <Copy text={metadata.Arn ?? ''} label="ARN" /> },
            { label: t('iam.status'), value: <KeyState state={metadata.KeyState} /> },
            metadata.DeletionDate
              ? { label: t('kms.deletedAt'), value: <Time at={metadata.DeletionDate} exact /> }
              : { label: t('iam.created'), value: <Time at={metadata.CreationDate} exact /> },
          ]}
        />
      </Container>
      <Aliases keyId={KeyId} aliases={aliases} onChanged={reload} />
      {rotation && <Rotation keyId={KeyId} rotation={rotation} fixed={ofAws} onChanged={reload} />}
      <PolicyForm
        kind="key"
        title={t('kms.policy')}
        description={t('kms.policyText')}
        saved={policy}
        save={save}
        onSaved={reload}
      />
    </SpaceBetween>
  );
}

type Dialog = 'describe' | 'switch' | 'delete' | 'cancel';

function Actions({ of, onDone }: { of: WholeKey; onDone: () => void }) {
  const { t } = useTexts();
  const kms = useKms();
  const { KeyId = '', KeyState: state, Description: before = '' } = of.metadata;
  const [dialog, setDialog] = useState<Dialog>();
  const [description, setDescription] = useState('');
  const [days, setDays] = useState('30');
  const close = () => setDialog(undefined);
  const on = state === 'Enabled';
  const PendingWindowInDays = Number(days);
  const validDays =
    Number.isInteger(PendingWindowInDays) && PendingWindowInDays >= 7 && PendingWindowInDays <= 30;
  const describe = step('kms', 'update-key-description', { KeyId, Description: description }, (i) =>
    kms.send(new UpdateKeyDescriptionCommand(i)),
  );
  const toggle = on
    ? step('kms', 'disable-key', { KeyId }, (i) => kms.send(new DisableKeyCommand(i)))
    : step('kms', 'enable-key', { KeyId }, (i) => kms.send(new EnableKeyCommand(i)));
  const schedule = step('kms', 'schedule-key-deletion', { KeyId, PendingWindowInDays }, (i) =>
    kms.send(new ScheduleKeyDeletionCommand(i)),
  );
  const cancel = step('kms', 'cancel-key-deletion', { KeyId }, (i) =>
    kms.send(new CancelKeyDeletionCommand(i)),
  );
  const pending = state === 'PendingDeletion';
  return (
    <>
      <SpaceBetween direction="horizontal" size="xs">
        {pending && <Button onClick={() => setDialog('cancel')}>{t('kms.cancelDeletion')}</Button>}
        {!pending && <Button onClick={() => setDialog('delete')}>{t('kms.scheduleDeletion')}</Button>}
        {!pending && (
          <Button onClick={() => setDialog('switch')}>{t(on ? 'iam.disable' : 'iam.enable')}</Button>
        )}
        {!pending && (
          <Button
            onClick={() => {
              setDescription(before);
              setDialog('describe');
            }}
          >
            {t('common.edit')}
          </Button>
        )}
      </SpaceBetween>
      <StepDialog
        visible={dialog === 'describe'}
        header={t('iam.description')}
        submit={t('common.save')}
        steps={[describe]}
        onClose={close}
        onDone={onDone}
      >
        <FormField label={t('iam.description')} stretch>
          <Input value={description} onChange={(e) => setDescription(e.detail.value)} />
        </FormField>
      </StepDialog>
      <StepDialog
        visible={dialog === 'switch'}
        header={t(on ? 'kms.disable' : 'kms.enable')}
        submit={t(on ? 'iam.disable' : 'iam.enable')}
        steps={[toggle]}
        onClose={close}
        onDone={onDone}
      >
        {on ? <Consequences /> : t('kms.enableText')}
      </StepDialog>
      <StepDialog
        visible={dialog === 'delete'}
        header={t('kms.scheduleDeletion')}
        submit={t('kms.scheduleDeletion')}
        steps={validDays ? [schedule] : []}
        onClose={close}
        onDone={onDone}
      >
        <SpaceBetween size="m">
          <Alert type="warning">{t('kms.deleteText')}</Alert>
          <Consequences />
          <FormField
            label={t('kms.days')}
            constraintText={t('kms.daysText')}
            errorText={validDays ? undefined : t('kms.daysText')}
          >
            <Input type="number" value={days} onChange={(e) => setDays(e.detail.value)} />
          </FormField>
        </SpaceBetween>
      </StepDialog>
      <StepDialog
        visible={dialog === 'cancel'}
        header={t('kms.cancelDeletion')}
        submit={t('kms.cancelDeletion')}
        steps={[cancel]}
        onClose={close}
        onDone={onDone}
      >
        {t('kms.cancelText')}
      </StepDialog>
    </>
  );
}

// Nobody can tell which repositories have the key: those of other accounts may.
function Consequences() {
  const { t } = useTexts();
  return (
    <div>
      {t('kms.effect')}
      <ul>
        <li>{t('kms.effect.stops')}</li>
        <li>{t('kms.effect.goesOn')}</li>
        <li>{t('kms.effect.others')}</li>
      </ul>
    </div>
  );
}
