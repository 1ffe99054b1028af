import { access } from './access';
import { common } from './common';
import { images } from './images';
import { insight } from './insight';
import { repositories } from './repositories';
import { shell } from './shell';
import { signin } from './signin';
import { tags } from './tags';

export const ja = {
  ...common,
  ...shell,
  ...signin,
  ...repositories,
  ...images,
  ...tags,
  ...access,
  ...insight,
};
