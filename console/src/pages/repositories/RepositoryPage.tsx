import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import Spinner from '@cloudscape-design/components/spinner';
import Tabs from '@cloudscape-design/components/tabs';
import { lazy, Suspense } from 'react';
import { useLanguage } from '../../i18n';
import { setQuery, usePlace } from '../../lib/router';
import { repositoryTabs } from './tabs';

const ImagePage = lazy(() => import('../images/ImagePage'));
const ComparePage = lazy(() => import('../tags/ComparePage'));
const TagPage = lazy(() => import('../tags/TagPage'));

/** RepositoryPage is a repository, or by ?image= or ?tag= one of its images or tags. */
export default function RepositoryPage({ name }: { name: string }) {
  const { t } = useLanguage();
  const { query } = usePlace();
  const image = query.get('image');
  const tag = query.get('tag');
  const compare = query.get('compare');
  if (image) return <ImagePage key={image} repository={name} digest={image} />;
  if (tag) return <TagPage key={tag} repository={name} tag={tag} />;
  if (compare !== null) return <ComparePage repository={name} query={compare} />;
  return (
    <SpaceBetween size="l">
      <Header variant="h1">{name}</Header>
      <Tabs
        activeTabId={query.get('tab') ?? repositoryTabs[0].id}
        onChange={(e) => setQuery({ tab: e.detail.activeTabId }, false)}
        tabs={repositoryTabs.map(({ id, title, page: Page }) => ({
          id,
          label: t(title),
          content: (
            <Suspense fallback={<Spinner />}>
              <Page repository={name} />
            </Suspense>
          ),
        }))}
      />
    </SpaceBetween>
  );
}
