import type { Route } from '../route';

export const accessRoutes: Route[] = [];
