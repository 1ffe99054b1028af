import type { SearchRepositoriesRequest } from '../../api/nifuda.gen';
import type { Mutability } from '../../lib/immutability';

export const modes: Mutability[] = [
  'MUTABLE',
  'IMMUTABLE',
  'MUTABLE_WITH_EXCLUSION',
  'IMMUTABLE_WITH_EXCLUSION',
];

/** The columns that the server sorts by, and what it calls them. */
export const orders = { name: 'NAME', created: 'CREATED_AT', size: 'SIZE', images: 'IMAGES' } as const;
export type Order = keyof typeof orders;

/** A Sorting is by which column a listing is in order, and which way. */
export interface Sorting {
  order: Order;
  descending: boolean;
}

/** sortingIn reads ?sort=, as size or -size. */
export function sortingIn(query: URLSearchParams): Sorting {
  const text = query.get('sort') ?? '';
  const name = text.replace(/^-/, '');
  if (!Object.hasOwn(orders, name)) return { order: 'name', descending: false };
  return { order: name as Order, descending: text.startsWith('-') };
}

/** sortText writes what sortingIn reads; the usual order is left out. */
export function sortText({ order, descending }: Sorting): string | undefined {
  if (order === 'name' && !descending) return undefined;
  return (descending ? '-' : '') + order;
}

const scans: Record<string, boolean | undefined> = { on: true, off: false };

/** requestIn is the search that the query of a place says: its names, its filters and its order. */
export function requestIn(query: URLSearchParams): SearchRepositoriesRequest {
  const mode = modes.find((one) => one === query.get('mutability'));
  const [key, ...value] = (query.get('resource-tag') ?? '').trim().split('=');
  const { order, descending } = sortingIn(query);
  return {
    Query: query.get('q')?.trim() || undefined,
    TagMutability: mode && [mode],
    ScanOnPush: scans[query.get('scan') ?? ''],
    ResourceTagKey: key || undefined,
    ResourceTagValue: key && value.length > 0 ? value.join('=') : undefined,
    SortBy: orders[order],
    Descending: descending,
  };
}

/** isFiltered reports whether a query leaves repositories out. */
export const isFiltered = (query: URLSearchParams) =>
  ['q', 'mutability', 'scan', 'resource-tag'].some((name) => query.get(name));
