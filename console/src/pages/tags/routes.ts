import type { Route } from '../route';

export const tagsRoutes: Route[] = [];
