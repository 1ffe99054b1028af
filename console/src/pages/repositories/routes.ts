import { lazy } from 'react';
import type { Route } from '../route';

export const repositoriesRoutes: Route[] = [
  {
    path: /^\/repositories$/,
    page: lazy(() => import('./RepositoriesPage')),
    title: 'repositories.title',
    navigation: { section: 'nav.registry', href: '/repositories' },
  },
  {
    path: /^\/create-repository$/,
    page: lazy(() => import('./CreateRepositoryPage')),
    title: 'repositories.create',
    parent: { title: 'repositories.title', href: '/repositories' },
  },
  {
    path: /^\/repositories\/(?<name>.+)$/,
    page: lazy(() => import('./RepositoryPage')),
    title: 'repositories.title',
    parent: { title: 'repositories.title', href: '/repositories' },
  },
];
