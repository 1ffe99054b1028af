import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Container from '@cloudscape-design/components/container';
import Form from '@cloudscape-design/components/form';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Toggle from '@cloudscape-design/components/toggle';
import { type ReactNode, useState } from 'react';
import Cli from '../../components/Cli';
import ErrorAlert from '../../components/ErrorAlert';
import { useLanguage } from '../../i18n';
import { follow } from '../../lib/router';
import MutabilityFields from './MutabilityFields';
import type { ResourceTag, Settings } from './settings';
import TagFields from './TagFields';

interface Properties {
  header: string;
  description: string;
  action: string;
  settings: Settings;
  change: (changes: Partial<Settings>) => void;
  /** Whether the settings can be sent as they are. */
  ready: boolean;
  /** The resource tags that are there already. */
  before: ResourceTag[];
  commands: string[][];
  cancel: string;
  submit: () => Promise<void>;
  /** What comes before the settings that every form has, and after them. */
  first: ReactNode;
  last?: ReactNode;
}

/** RepositoryForm is what the forms of creating and of editing have in common. */
export default function RepositoryForm(p: Properties) {
  const { t } = useLanguage();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [tagsValid, setTagsValid] = useState(true);
  const ready = p.ready && tagsValid;
  const submit = async () => {
    if (busy || !ready) return;
    setBusy(true);
    setError(undefined);
    try {
      await p.submit();
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault();
        void submit();
      }}
    >
      <Form
        header={
          <Header variant="h1" description={p.description}>
            {p.header}
          </Header>
        }
        actions={
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="link" formAction="none" href={p.cancel} onFollow={follow}>
              {t('common.cancel')}
            </Button>
            <Button variant="primary" formAction="submit" disabled={!ready} loading={busy}>
              {p.action}
            </Button>
          </SpaceBetween>
        }
      >
        <SpaceBetween size="l">
          {p.first}
          <Container header={<Header variant="h2">{t('repositories.tagSettings')}</Header>}>
            <MutabilityFields settings={p.settings} change={p.change} />
          </Container>
          <Container header={<Header variant="h2">{t('repositories.scanning')}</Header>}>
            <Toggle
              checked={p.settings.scanOnPush}
              onChange={(e) => p.change({ scanOnPush: e.detail.checked })}
              description={t('repositories.scanText')}
            >
              {t('repositories.scanOnPush')}
            </Toggle>
          </Container>
          {p.last}
          <Container
            header={
              <Header variant="h2" description={t('repositories.tagsText')}>
                {t('repositories.tags')}
              </Header>
            }
          >
            <TagFields
              before={p.before}
              onChange={(tags, valid) => {
                setTagsValid(valid);
                p.change({ tags });
              }}
            />
          </Container>
          <ErrorAlert error={error} />
          <Container>
            {p.commands.length > 0 ? (
              <Cli commands={p.commands} />
            ) : (
              <Box color="text-body-secondary">{t('repositories.unchanged')}</Box>
            )}
          </Container>
        </SpaceBetween>
      </Form>
    </form>
  );
}
