import type { Route } from '../route';

export const imagesRoutes: Route[] = [];
