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
  {
    path: /^\/groups$/,
    page: lazy(() => import('./iam/GroupsPage')),
    title: 'access.groups',
    navigation: { section, href: '/groups' },
  },
  {
    path: /^\/groups\/(?<name>[^/]+)$/,
    page: lazy(() => import('./iam/GroupPage')),
    title: 'access.groups',
    parent: { title: 'access.groups', href: '/groups' },
  },
  {
    path: /^\/roles$/,
    page: lazy(() => import('./iam/RolesPage')),
    title: 'access.roles',
    navigation: { section, href: '/roles' },
  },
  {
    path: /^\/roles\/(?<name>[^/]+)$/,
    page: lazy(() => import('./iam/RolePage')),
    title: 'access.roles',
    parent: { title: 'access.roles', href: '/roles' },
  },
  {
    path: /^\/policies$/,
    page: lazy(() => import('./iam/PoliciesPage')),
    title: 'access.policies',
    navigation: { section, href: '/policies' },
  },
  {
    path: /^\/policies\/(?<name>.+)$/,
    page: lazy(() => import('./iam/PolicyPage')),
    title: 'access.policies',
    parent: { title: 'access.policies', href: '/policies' },
  },
  {
    path: /^\/kms$/,
    page: lazy(() => import('./kms/KeysPage')),
    title: 'access.kms',
    navigation: { section, href: '/kms' },
  },
  {
    path: /^\/kms\/(?<name>[^/]+)$/,
    page: lazy(() => import('./kms/KeyPage')),
    title: 'access.kms',
    parent: { title: 'access.kms', href: '/kms' },
  },
  {
    path: /^\/settings$/,
    page: lazy(() => import('./settings/SettingsPage')),
    title: 'access.settings',
    navigation: { section, href: '/settings' },
  },
];
