import './insight.css';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Tabs from '@cloudscape-design/components/tabs';
import { useLanguage } from '../../i18n';
import { go, href, usePlace } from '../../lib/router';
import AuditTrail from './AuditTrail';
import Events from './Events';

/** ActivityPage shows what happened in the registry, and by ?tab=audit who asked for what. */
export default function ActivityPage() {
  const { t } = useLanguage();
  const { query } = usePlace();
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{t('insight.activity')}</Header>
      <Tabs
        activeTabId={query.get('tab') === 'audit' ? 'audit' : 'events'}
        onChange={(e) => go(href('/activity', e.detail.activeTabId === 'audit' ? { tab: 'audit' } : {}))}
        tabs={[
          { id: 'events', label: t('insight.events'), content: <Events /> },
          { id: 'audit', label: t('insight.audit'), content: <AuditTrail /> },
        ]}
      />
    </SpaceBetween>
  );
}
