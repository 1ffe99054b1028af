import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useTexts } from '../useTexts';
import type { Problem } from './report';

// More would only push the form away: the first are those to begin with.
const most = 10;

/** Problems lists what is wrong with a policy; each leads to where it is. */
export default function Problems({
  problems,
  onShow,
}: {
  problems: Problem[];
  onShow: (problem: Problem) => void;
}) {
  const { t } = useTexts();
  if (problems.length === 0) {
    return <StatusIndicator type="success">{t('policy.sound')}</StatusIndicator>;
  }
  return (
    <ul className="policy-problems">
      {problems.slice(0, most).map((one) => (
        <li key={`${one.at} ${one.flaw}`}>
          <StatusIndicator type={one.severity} wrapText>
            <button type="button" onClick={() => onShow(one)}>
              {t('policy.at', { line: one.line, column: one.column })}{' '}
              {t(`policy.flaw.${one.flaw}`, one.values)}
            </button>
          </StatusIndicator>
        </li>
      ))}
    </ul>
  );
}
