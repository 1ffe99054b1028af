import { area } from './area';

export const tags = area(
  {
    'tags.title': 'Tags',
  },
  {
    'tags.title': 'タグ',
  },
);
