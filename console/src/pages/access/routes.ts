import { lazy } from 'react';
import type { Route } from '../route';

const section = 'nav.access';

export const accessRoutes: Route[] = [
  {
    path: /^\/registry-policy$/,
    page: lazy(() => import('./RegistryPolicyPage')),
    title: 'access.registryPolicy',
    navigation: { section, href: '/registry-policy' },
  },
  {
    path: /^\/simulator$/,
    page: lazy(() => import('./SimulatorPage')),
    title: 'access.simulator',
    navigation: { section, href: '/simulator' },
  },
  {
    path: /^\/users$/,
    page: lazy(() => import('./iam/UsersPage')),
    title: 'access.users',
    navigation: { section, href: '/users' },
  },
  {
    path: /^\/users\/(?<name>[^/]+)$/,
    page: lazy(() => import('./iam/UserPage')),
    title: 'access.users',
    parent: { title: 'access.users', href: '/users' },
  },
];
