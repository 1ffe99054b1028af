import { type AccessKey, CreateAccessKeyCommand } from '@aws-sdk/client-iam';
import { useEffect, useState } from 'react';
import { aws } from '../../../lib/shell';
import SecretOnce from '../SecretOnce';
import { useTexts } from '../useTexts';
import { useIam } from './client';

interface Properties {
  user: string;
  visible: boolean;
  onClose: () => void;
  onDone: () => void;
}

/** NewAccessKey makes an access key and shows its secret this one time. */
export default function NewAccessKey({ user, visible, onClose, onDone }: Properties) {
  const { t } = useTexts();
  const iam = useIam();
  const [made, setMade] = useState<AccessKey>();
  useEffect(() => {
    if (visible) setMade(undefined);
  }, [visible]);
  const create = async () => {
    const { AccessKey: key } = await iam.send(new CreateAccessKeyCommand({ UserName: user }));
    setMade(key);
    onDone();
  };
  const close = () => {
    setMade(undefined);
    onClose();
  };
  return (
    <SecretOnce
      visible={visible}
      header={t('iam.createKey')}
      text={t('iam.createKeyText', { user })}
      made={made && { id: made.AccessKeyId ?? '', secret: made.SecretAccessKey ?? '' }}
      name={user}
      commands={[aws('iam', 'create-access-key', { 'user-name': user })]}
      onSubmit={create}
      onClose={close}
    />
  );
}
