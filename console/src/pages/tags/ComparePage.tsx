import Alert from '@cloudscape-design/components/alert';
import Button from '@cloudscape-design/components/button';
import ColumnLayout from '@cloudscape-design/components/column-layout';
import Container from '@cloudscape-design/components/container';
import FormField from '@cloudscape-design/components/form-field';
import Header from '@cloudscape-design/components/header';
import Link from '@cloudscape-design/components/link';
import Select from '@cloudscape-design/components/select';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import { useEffect, useState } from 'react';
import ErrorAlert from '../../components/ErrorAlert';
import { useLanguage } from '../../i18n';
import { follow, href, setQuery, usePlace } from '../../lib/router';
import { CompareSummary } from './CompareSummary';
import { ConfigurationTable } from './ConfigurationTable';
import { compared, compareQuery } from './compare';
import { LayersTable } from './LayersTable';
import { TagSuggestions } from './TagSuggestions';
import { useComparison } from './useComparison';

/** ComparePage shows what differs between two tags or digests of a repository, named by ?compare=. */
export default function ComparePage({ repository, query }: { repository: string; query: string }) {
  const { t } = useLanguage();
  const names = compared(query);
  return (
    <SpaceBetween size="l">
      <Header
        variant="h1"
        description={
          <Link href={href(`/repositories/${repository}`, { tab: 'tags' })} onFollow={follow}>
            {repository}
          </Link>
        }
      >
        {t('tags.compareTitle')}
      </Header>
      <Choice repository={repository} left={names?.[0] ?? ''} right={names?.[1] ?? ''} />
      {names && <Comparison repository={repository} left={names[0]} right={names[1]} />}
    </SpaceBetween>
  );
}

interface Two {
  repository: string;
  left: string;
  right: string;
}

function Choice({ repository, left, right }: Two) {
  const { t } = useLanguage();
  const [a, setA] = useState(left);
  const [b, setB] = useState(right);
  useEffect(() => {
    setA(left);
    setB(right);
  }, [left, right]);
  const show = (one: string, other: string) => setQuery({ compare: compareQuery(one, other) });
  return (
    <Container>
      <ColumnLayout columns={3}>
        <FormField label={t('tags.left')}>
          <TagSuggestions repository={repository} value={a} onChange={setA} label={t('tags.left')} />
        </FormField>
        <FormField label={t('tags.right')}>
          <TagSuggestions repository={repository} value={b} onChange={setB} label={t('tags.right')} />
        </FormField>
        <FormField label={<>&nbsp;</>}>
          <SpaceBetween direction="horizontal" size="xs">
            <Button variant="primary" disabled={!a || !b} onClick={() => show(a, b)}>
              {t('tags.compare')}
            </Button>
            <Button disabled={!a || !b} onClick={() => show(b, a)}>
              {t('tags.swap')}
            </Button>
          </SpaceBetween>
        </FormField>
      </ColumnLayout>
    </Container>
  );
}

function Comparison({ repository, left, right }: Two) {
  const { t } = useLanguage();
  const wanted = usePlace().query.get('platform') ?? undefined;
  const { data, error, loading, reload } = useComparison(repository, left, right, wanted);
  if (error) return <ErrorAlert error={error} retry={reload} />;
  if (!data) return loading ? <Spinner size="large" /> : null;
  const missing = [data.left ? [] : left, data.right ? [] : right].flat();
  if (!data.left || !data.right) {
    return <Alert type="warning">{t('tags.notThere', { names: missing.join(', ') })}</Alert>;
  }
  const { left: a, right: b, platform, platforms } = data;
  return (
    <SpaceBetween size="l">
      {platforms.length > 0 && <PlatformChoice platforms={platforms} platform={platform} />}
      <CompareSummary repository={repository} left={a} right={b} />
      {a.side && b.side ? (
        <SpaceBetween size="l">
          <ConfigurationTable left={a.side} right={b.side} />
          <LayersTable left={a.side} right={b.side} />
        </SpaceBetween>
      ) : (
        <Alert type="info">
          {t('tags.noPlatform', { name: a.side ? right : left, platform: platform ?? '' })}
        </Alert>
      )}
    </SpaceBetween>
  );
}

function PlatformChoice({ platforms, platform }: { platforms: string[]; platform?: string }) {
  const { t } = useLanguage();
  return (
    <FormField label={t('tags.platform')}>
      <Select
        selectedOption={platform ? { value: platform, label: platform } : null}
        options={platforms.map((value) => ({ value, label: value }))}
        onChange={(e) => setQuery({ platform: e.detail.selectedOption.value })}
      />
    </FormField>
  );
}
