import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useEffect, useState } from 'react';
import Cli from '../../../components/Cli';
import ErrorAlert from '../../../components/ErrorAlert';
import { useNotify } from '../../../components/notices';
import { pretty } from '../../../lib/json';
import { checkPolicy, isSound } from '../policy/check';
import PolicyEditor from '../policy/PolicyEditor';
import type { Kind } from '../policy/report';
import type { Step } from '../steps';
import { useTexts } from '../useTexts';

interface Properties {
  kind: Kind;
  title: string;
  description: string;
  saved: string;
  save: (document: string) => Step;
  onSaved: () => void;
}

/** PolicyForm edits a policy that is always there, such as the trust policy of a role. */
export default function PolicyForm({ kind, title, description, saved, save, onSaved }: Properties) {
  const { t } = useTexts();
  const notify = useNotify();
  const before = pretty(saved);
  const [text, setText] = useState(before);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => setText(before), [before]);
  const changed = pretty(text) !== before;
  const made =
    text.trim() !== '' && isSound(checkPolicy(text, kind))
      ? save(JSON.stringify(JSON.parse(text)))
      : undefined;
  const submit = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await made?.run();
      notify('success', t('policy.savedNotice'));
      onSaved();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Container
      header={
        <Header variant="h2" description={description}>
          {title}
        </Header>
      }
    >
      <SpaceBetween size="m">
        <PolicyEditor kind={kind} label={title} value={text} onChange={setText} />
        <ErrorAlert error={error} />
        <SpaceBetween direction="horizontal" size="xs">
          <Button variant="primary" disabled={!changed || !made} loading={busy} onClick={submit}>
            {t('common.save')}
          </Button>
          <Button disabled={text === before} onClick={() => setText(before)}>
            {t('policy.revert')}
          </Button>
        </SpaceBetween>
        {made && <Cli commands={[made.command]} />}
      </SpaceBetween>
    </Container>
  );
}
