import { area } from './area';

export const images = area(
  {
    'images.title': 'Images',
  },
  {
    'images.title': 'イメージ',
  },
);
