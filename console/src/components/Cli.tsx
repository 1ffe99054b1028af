import Box from '@cloudscape-design/components/box';
import CopyToClipboard from '@cloudscape-design/components/copy-to-clipboard';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useLanguage } from '../i18n';
import { commandLine } from '../lib/shell';

/** Cli shows the commands of the AWS CLI that do what a form does: as words, or as a line for a POSIX shell. */
export default function Cli({ commands }: { commands: (string[] | string)[] }) {
  const { t } = useLanguage();
  return (
    <ExpandableSection headerText={t('common.cliHint')} variant="footer">
      <SpaceBetween size="xs">
        {commands.map((words) => {
          const line = typeof words === 'string' ? words : commandLine(words);
          return (
            <div className="command" key={line} data-testid="cli">
              <Box variant="code">{line}</Box>
              <CopyToClipboard
                variant="icon"
                textToCopy={line}
                copyButtonAriaLabel={`${t('common.copy')} ${line}`}
                copySuccessText={t('common.copied')}
                copyErrorText={t('common.copyFailed')}
              />
            </div>
          );
        })}
      </SpaceBetween>
    </ExpandableSection>
  );
}
