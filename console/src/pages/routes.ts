import { accessRoutes } from './access/routes';
import { imagesRoutes } from './images/routes';
import { insightRoutes } from './insight/routes';
import { repositoriesRoutes } from './repositories/routes';
import type { Route } from './route';
import { tagsRoutes } from './tags/routes';

/** The pages, in the order of the navigation. */
export const routes: Route[] = [
  ...repositoriesRoutes,
  ...imagesRoutes,
  ...tagsRoutes,
  ...insightRoutes,
  ...accessRoutes,
];
