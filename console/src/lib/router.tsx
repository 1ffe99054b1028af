import { type MouseEvent, useSyncExternalStore } from 'react';
import { decodePath, encodePath } from './address';

// Every view has its URL under this path. Names of repositories hold slashes, so
// what is inside of one is said by the query: /repositories/team/app?tab=tags.
const base = '/_console';

export interface Place {
  /** The path without the console's own, such as /repositories/team/app; empty when it cannot be read. */
  path: string;
  query: URLSearchParams;
}

const subscribe = (changed: () => void) => {
  addEventListener('popstate', changed);
  return () => removeEventListener('popstate', changed);
};

const current = () => location.pathname.slice(base.length) + location.search;

/** usePlace is where the user is. */
export function usePlace(): Place {
  const now = useSyncExternalStore(subscribe, current);
  const [path, query] = now.split('?', 2);
  return { path: decodePath(path || '/') ?? '', query: new URLSearchParams(query) };
}

/** href is the address of a place; parameters that are undefined are left out. */
export function href(path: string, parameters: Record<string, string | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) query.set(name, value);
  }
  const text = query.toString();
  return base + encodePath(path) + (text ? `?${text}` : '');
}

/** go moves to an address that href made. */
export function go(address: string, replace = false) {
  if (address === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', address);
  dispatchEvent(new PopStateEvent('popstate'));
  if (!replace) scrollTo(0, 0);
}

/** setQuery changes parameters of the place where the user is; undefined removes one. */
export function setQuery(changes: Record<string, string | undefined>, replace = true) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ''), replace);
}

interface Followed {
  preventDefault(): void;
  detail?: { href?: string; external?: boolean };
}

/** follow is what a link of the components calls: the page stays, the place changes. */
export function follow(event: Followed | MouseEvent) {
  const { detail } = event as Followed;
  if (!detail?.href?.startsWith(base) || detail.external) return;
  event.preventDefault();
  go(detail.href);
}
