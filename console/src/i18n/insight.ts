import { area } from './area';

export const insight = area(
  {
    'insight.title': 'Dashboard',
  },
  {
    'insight.title': 'ダッシュボード',
  },
);
