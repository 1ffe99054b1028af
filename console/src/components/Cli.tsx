import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useLanguage } from '../i18n';
import { commandLine } from '../lib/shell';
import Command from './Command';

/** Cli shows the commands of the AWS CLI that do what a form does: as words, or as a line for a POSIX shell. */
export default function Cli({ commands }: { commands: (string[] | string)[] }) {
  const { t } = useLanguage();
  return (
    <ExpandableSection headerText={t('common.cliHint')} variant="footer">
      <SpaceBetween size="xs">
        {commands.map(lineOf).map((line) => (
          <div key={line} data-testid="cli">
            <Command line={line} />
          </div>
        ))}
      </SpaceBetween>
    </ExpandableSection>
  );
}

const lineOf = (command: string[] | string) => (typeof command === 'string' ? command : commandLine(command));
