import { lazy } from 'react';
import type { Route } from '../route';

export const tagsRoutes: Route[] = [
  {
    path: /^\/deleted-repositories$/,
    page: lazy(() => import('./DeletedRepositoriesPage')),
    title: 'tags.deletedRepositories',
    navigation: { section: 'nav.registry', href: '/deleted-repositories' },
  },
];
