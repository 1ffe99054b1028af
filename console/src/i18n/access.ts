import { area } from './area';

export const access = area(
  {
    'access.title': 'Users',
  },
  {
    'access.title': 'ユーザー',
  },
);
