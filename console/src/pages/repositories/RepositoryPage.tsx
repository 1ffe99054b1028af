import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import { lazy, Suspense } from 'react';
import ErrorAlert from '../../components/ErrorAlert';
import { useLanguage } from '../../i18n';
import { go, href, usePlace } from '../../lib/router';
import RepositoryHeader from './RepositoryHeader';
import { repositoryTabs } from './tabs';
import { useRepository } from './useRepository';

const EditRepository = lazy(() => import('./EditRepository'));
const ImagePage = lazy(() => import('../images/ImagePage'));
const ComparePage = lazy(() => import('../tags/ComparePage'));
const TagPage = lazy(() => import('../tags/TagPage'));

/** RepositoryPage is a repository, or by ?image= or ?tag= one of its images or tags. */
export default function RepositoryPage({ name }: { name: string }) {
  const { query } = usePlace();
  const image = query.get('image');
  const tag = query.get('tag');
  const compare = query.get('compare');
  if (image) return <ImagePage key={image} repository={name} digest={image} />;
  if (tag) return <TagPage key={tag} repository={name} tag={tag} />;
  if (compare !== null) return <ComparePage repository={name} query={compare} />;
  return <Overview name={name} edits={query.has('edit')} />;
}

function Overview({ name, edits }: { name: string; edits: boolean }) {
  const { data, error, reload } = useRepository(name);
  if (error) {
    return (
      <SpaceBetween size="l">
        <Header variant="h1">{name}</Header>
        <ErrorAlert error={error} retry={reload} />
      </SpaceBetween>
    );
  }
  if (!data) return <Spinner size="large" />;
  if (edits) return <EditRepository repository={data} onSaved={reload} />;
  return (
    <SpaceBetween size="l">
      <RepositoryHeader repository={data} />
      <RepositoryTabs name={name} />
    </SpaceBetween>
  );
}

function RepositoryTabs({ name }: { name: string }) {
  const { t } = useLanguage();
  const { query } = usePlace();
  const asked = query.get('tab');
  const active = (repositoryTabs.find(({ id }) => id === asked) ?? repositoryTabs[0]).id;
  return (
    <Tabs
      ariaLabel={name}
      activeTabId={active}
      onChange={(e) => go(href(`/repositories/${name}`, { tab: e.detail.activeTabId }))}
      tabs={repositoryTabs.map(({ id, title, page: Page }) => ({
        id,
        label: t(title),
        content: id === active && (
          <Suspense fallback={<Spinner />}>
            <Page repository={name} />
          </Suspense>
        ),
      }))}
    />
  );
}
