import { area } from './area';

export const repositories = area(
  {
    'repositories.title': 'Repositories',
  },
  {
    'repositories.title': 'リポジトリ',
  },
);
