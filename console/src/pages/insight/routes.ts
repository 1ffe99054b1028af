import { lazy } from 'react';
import type { Route } from '../route';

export const insightRoutes: Route[] = [
  {
    path: /^\/dashboard$/,
    page: lazy(() => import('./DashboardPage')),
    title: 'insight.dashboard',
    navigation: { section: 'nav.insight', href: '/dashboard' },
  },
  {
    path: /^\/storage$/,
    page: lazy(() => import('./StoragePage')),
    title: 'insight.storage',
    navigation: { section: 'nav.insight', href: '/storage' },
  },
  {
    path: /^\/activity$/,
    page: lazy(() => import('./ActivityPage')),
    title: 'insight.activity',
    navigation: { section: 'nav.insight', href: '/activity' },
  },
];
