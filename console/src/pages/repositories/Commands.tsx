import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Command from '../../components/Command';
import { useLanguage } from '../../i18n';
import type { Key } from '../../i18n/messages';
import { type Engine, needsTrust, pull, push, setUp, type Target } from '../../lib/pushCommands';
import type { Shell } from '../../lib/shell';

interface Properties {
  target: Target;
  engine: Engine;
  shell: Shell;
  pulls: boolean;
  reference?: string;
}

/** Commands are the steps of a push or a pull, in their order. */
export default function Commands({ target, engine, shell, pulls, reference }: Properties) {
  const { t } = useLanguage();
  return (
    <SpaceBetween size="m">
      <ol className="steps">
        {stepsOf({ target, engine, shell, pulls, reference }).map(([text, line]) => (
          <li key={text}>
            <Box variant="p">{t(text, { engine })}</Box>
            <Command line={line} />
          </li>
        ))}
      </ol>
      {engine === 'docker' && needsTrust(target) && (
        <Alert type="warning" header={t('repositories.insecureHeader')}>
          <Box variant="p">{t('repositories.insecureText')}</Box>
          <Command line={insecure(target)} />
        </Alert>
      )}
      <ExpandableSection headerText={t('repositories.setUp')}>
        <SpaceBetween size="xs">
          <Box variant="p">{t('repositories.setUpText')}</Box>
          {setUp(target, shell).map((line) => (
            <Command key={line} line={line} />
          ))}
        </SpaceBetween>
      </ExpandableSection>
    </SpaceBetween>
  );
}

function stepsOf({ target, engine, shell, pulls, reference }: Properties): [Key, string][] {
  if (pulls) {
    const lines = pull(target, engine, shell, reference);
    return [
      ['repositories.stepLogin', lines.login],
      ['repositories.stepPull', lines.pull],
    ];
  }
  const lines = push(target, engine, shell, reference?.includes(':') ? undefined : reference);
  return [
    ['repositories.stepLogin', lines.login],
    ['repositories.stepBuild', lines.build],
    ['repositories.stepTag', lines.tag],
    ['repositories.stepPush', lines.push],
  ];
}

const insecure = ({ uri }: Target) => JSON.stringify({ 'insecure-registries': [uri.split('/')[0]] });
