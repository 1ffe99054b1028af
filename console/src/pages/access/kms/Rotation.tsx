import {
  DisableKeyRotationCommand,
  EnableKeyRotationCommand,
  type GetKeyRotationStatusResponse,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import Time from '../../../components/Time';
import StepDialog from '../StepDialog';
import { step } from '../steps';
import { useTexts } from '../useTexts';
import { useKms } from './client';

interface Properties {
  keyId: string;
  rotation: GetKeyRotationStatusResponse;
  /** Whether it is not for the account to change. */
  fixed: boolean;
  onChanged: () => void;
}

/** Rotation says how often a key gets new material, and changes that. */
export default function Rotation({ keyId: KeyId, rotation, fixed, onChanged }: Properties) {
  const { t } = useTexts();
  const kms = useKms();
  const [dialog, setDialog] = useState<'on' | 'off' | 'now'>();
  const [days, setDays] = useState('365');
  const close = () => setDialog(undefined);
  const RotationPeriodInDays = Number(days);
  const valid =
    Number.isInteger(RotationPeriodInDays) && RotationPeriodInDays >= 90 && RotationPeriodInDays <= 2560;
  const enable = step('kms', 'enable-key-rotation', { KeyId, RotationPeriodInDays }, (i) =>
    kms.send(new EnableKeyRotationCommand(i)),
  );
  const disable = step('kms', 'disable-key-rotation', { KeyId }, (i) =>
    kms.send(new DisableKeyRotationCommand(i)),
  );
  const rotate = step('kms', 'rotate-key-on-demand', { KeyId }, (i) =>
    kms.send(new RotateKeyOnDemandCommand(i)),
  );
  const on = rotation.KeyRotationEnabled;
  return (
    <Container
      header={
        <Header
          variant="h2"
          description={t('kms.rotationText')}
          actions={
            !fixed && (
              <SpaceBetween direction="horizontal" size="xs">
                <Button onClick={() => setDialog('now')}>{t('kms.rotateNow')}</Button>
                <Button disabled={!on} onClick={() => setDialog('off')}>
                  {t('iam.disable')}
                </Button>
                <Button onClick={() => setDialog('on')}>{t(on ? 'common.edit' : 'iam.enable')}</Button>
              </SpaceBetween>
            )
          }
        >
          {t('kms.rotation')}
        </Header>
      }
    >
      <KeyValuePairs
        columns={2}
        items={[
          {
            label: t('kms.automatic'),
            value: on ? t('kms.every', { n: rotation.RotationPeriodInDays ?? 365 }) : t('kms.off'),
          },
          { label: t('kms.next'), value: <Time at={rotation.NextRotationDate} exact /> },
        ]}
      />
      <StepDialog
        visible={dialog === 'on'}
        header={t('kms.rotation')}
        submit={t('common.save')}
        steps={valid ? [enable] : []}
        onClose={close}
        onDone={onChanged}
      >
        <FormField
          label={t('kms.period')}
          constraintText={t('kms.periodText')}
          errorText={valid ? undefined : t('kms.periodText')}
        >
          <Input type="number" value={days} onChange={(e) => setDays(e.detail.value)} />
        </FormField>
      </StepDialog>
      <StepDialog
        visible={dialog === 'off'}
        header={t('kms.rotation')}
        submit={t('iam.disable')}
        steps={[disable]}
        onClose={close}
        onDone={onChanged}
      >
        {t('kms.rotationText')}
      </StepDialog>
      <StepDialog
        visible={dialog === 'now'}
        header={t('kms.rotateNow')}
        submit={t('kms.rotateNow')}
        steps={[rotate]}
        onClose={close}
        onDone={onChanged}
      >
        {t('kms.rotationText')}
      </StepDialog>
    </Container>
  );
}
