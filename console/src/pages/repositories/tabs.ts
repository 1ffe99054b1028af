import type { ComponentType, LazyExoticComponent } from 'react';
import { lazy } from 'react';
import type { Key } from '../../i18n/messages';

/** A RepositoryTab is a part of the page of a repository, named by ?tab=. */
export interface RepositoryTab {
  id: string;
  title: Key;
  page: LazyExoticComponent<ComponentType<{ repository: string }>>;
}

/** The tabs in their order; the first is shown without ?tab=. */
export const repositoryTabs: RepositoryTab[] = [
  { id: 'images', title: 'images.title', page: lazy(() => import('../images/ImagesTab')) },
  { id: 'tags', title: 'tags.title', page: lazy(() => import('../tags/TagsTab')) },
  { id: 'deleted', title: 'tags.deletedTab', page: lazy(() => import('../tags/DeletedTab')) },
  { id: 'permissions', title: 'access.permissions', page: lazy(() => import('../access/PermissionsTab')) },
  { id: 'activity', title: 'insight.activity', page: lazy(() => import('../insight/ActivityTab')) },
];
