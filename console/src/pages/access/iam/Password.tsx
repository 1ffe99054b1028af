import {
  CreateLoginProfileCommand,
  GetLoginProfileCommand,
  UpdateLoginProfileCommand,
} from '@aws-sdk/client-iam';
import Button from '@cloudscape-design/components/button';
import Checkbox from '@cloudscape-design/components/checkbox';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Input from '@cloudscape-design/components/input';
import KeyValuePairs from '@cloudscape-design/components/key-value-pairs';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useEffect, useState } from 'react';
import ErrorAlert from '../../../components/ErrorAlert';
import Time from '../../../components/Time';
import { useLoad } from '../../../lib/load';
import { orNone } from '../orNone';
import StepDialog from '../StepDialog';
import { step } from '../steps';
import { useTexts } from '../useTexts';
import { useIam } from './client';
import { passwordRemoval } from './deletion';

/** Password is the password by which a user signs in to the console. */
export default function Password({ user }: { user: string }) {
  const { t } = useTexts();
  const iam = useIam();
  const { data, error, loading, reload } = useLoad(
    async (abortSignal) => {
      const request = () => iam.send(new GetLoginProfileCommand({ UserName: user }), { abortSignal });
      return { profile: (await orNone('NoSuchEntityException', request))?.LoginProfile };
    },
    [iam, user],
  );
  const [setting, setSetting] = useState(false);
  const [removing, setRemoving] = useState(false);
  const profile = data?.profile;
  return (
    <Container
      header={
        <Header
          variant="h2"
          actions={
            <SpaceBetween direction="horizontal" size="xs">
              <Button disabled={!profile} onClick={() => setRemoving(true)}>
                {t('iam.removePassword')}
              </Button>
              <Button disabled={!data} onClick={() => setSetting(true)}>
                {t('iam.setPassword')}
              </Button>
            </SpaceBetween>
          }
        >
          {t('iam.password')}
        </Header>
      }
    >
      <ErrorAlert error={error} retry={reload} />
      {loading && !data && <Spinner />}
      {data && !profile && t('iam.noPassword')}
      {profile && (
        <KeyValuePairs
          columns={2}
          items={[
            { label: t('iam.passwordSet'), value: <Time at={profile.CreateDate} exact /> },
            {
              label: t('iam.mustChange'),
              value: t(profile.PasswordResetRequired ? 'iam.yes' : 'iam.no'),
            },
          ]}
        />
      )}
      <SetPassword
        user={user}
        first={!profile}
        visible={setting}
        onClose={() => setSetting(false)}
        onDone={reload}
      />
      <StepDialog
        visible={removing}
        header={t('iam.removePassword')}
        submit={t('iam.removePassword')}
        steps={[passwordRemoval(iam, user)]}
        onClose={() => setRemoving(false)}
        onDone={reload}
      >
        {t('iam.removePasswordText')}
      </StepDialog>
    </Container>
  );
}

interface SetProperties {
  user: string;
  first: boolean;
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

function SetPassword({ user, first, visible, onClose, onDone }: SetProperties) {
  const { t } = useTexts();
  const iam = useIam();
  const [password, setPassword] = useState('');
  const [change, setChange] = useState(true);
  useEffect(() => {
    setPassword('');
    if (visible) setChange(true);
  }, [visible]);
  const input = { UserName: user, Password: password, PasswordResetRequired: change };
  const hidden = { Password: 'PASSWORD' };
  const made = first
    ? step('iam', 'create-login-profile', input, (i) => iam.send(new CreateLoginProfileCommand(i)), hidden)
    : step('iam', 'update-login-profile', input, (i) => iam.send(new UpdateLoginProfileCommand(i)), hidden);
  return (
    <StepDialog
      visible={visible}
      header={t('iam.setPassword')}
      submit={t('iam.setPassword')}
      steps={password ? [made] : []}
      onClose={onClose}
      onDone={onDone}
    >
      <SpaceBetween size="m">
        <FormField label={t('iam.newPassword')} stretch>
          <Input
            type="password"
            value={password}
            autoComplete="new-password"
            onChange={(e) => setPassword(e.detail.value)}
          />
        </FormField>
        <Checkbox checked={change} onChange={(e) => setChange(e.detail.checked)}>
          {t('iam.requireChange')}
        </Checkbox>
      </SpaceBetween>
    </StepDialog>
  );
}
