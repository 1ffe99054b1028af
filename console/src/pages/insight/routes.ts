import type { Route } from '../route';

export const insightRoutes: Route[] = [];
