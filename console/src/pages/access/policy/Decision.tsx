import Badge from '@cloudscape-design/components/badge';
import Box from '@cloudscape-design/components/box';
import ExpandableSection from '@cloudscape-design/components/expandable-section';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import type { ExplainAccessResponse, MatchedStatement } from '../../../api/nifuda.gen';
import { pretty } from '../../../lib/json';
import { useTexts } from '../useTexts';

interface Properties {
  answer: ExplainAccessResponse;
  isOwn?: (statement: MatchedStatement) => boolean;
}

/** Decision shows what the server decides, why, and by which statements. */
export default function Decision({ answer, isOwn }: Properties) {
  const { t } = useTexts();
  const { Decision: decision, Reason: reason, MatchedStatements: matched } = answer;
  return (
    <SpaceBetween size="s">
      <Box variant="h3" tagOverride="p">
        <StatusIndicator type={decision === 'allowed' ? 'success' : 'error'}>
          {t(`simulator.${decision}`)}
        </StatusIndicator>
      </Box>
      {reason && <Box>{t('simulator.because', { reason })}</Box>}
      {matched.length === 0 && decision === 'allowed' && <Box>{t('simulator.byRoot')}</Box>}
      {matched.length === 0 && decision !== 'allowed' && <Box>{t('simulator.nothing')}</Box>}
      {matched.map((one) => (
        <Statement
          key={`${one.PolicyType} ${one.Policy} ${one.StatementIndex}`}
          one={one}
          own={isOwn?.(one)}
        />
      ))}
    </SpaceBetween>
  );
}

const typeKeys = {
  'identity-based policy': 'simulator.type.identity',
  'resource-based policy': 'simulator.type.resource',
  'permissions boundary': 'simulator.type.boundary',
  'session policy': 'simulator.type.session',
} as const;

function Statement({ one, own }: { one: MatchedStatement; own?: boolean }) {
  const { t } = useTexts();
  const type = one.PolicyType as keyof typeof typeKeys;
  const name = one.Policy
    ? t('simulator.statement', { n: one.StatementIndex ?? '', policy: one.Policy })
    : t('simulator.foreign');
  return (
    <div data-testid="statement">
      <SpaceBetween size="xxs">
        <span className="badges">
          <Badge color="blue">{typeKeys[type] ? t(typeKeys[type]) : type}</Badge>
          {own && <Badge color="green">{t('simulator.here')}</Badge>}
          {one.Sid && <Badge>{one.Sid}</Badge>}
        </span>
        {one.Statement ? (
          <ExpandableSection headerText={name} defaultExpanded>
            <pre className="policy-json">{pretty(one.Statement)}</pre>
          </ExpandableSection>
        ) : (
          <Box>{name}</Box>
        )}
      </SpaceBetween>
    </div>
  );
}
