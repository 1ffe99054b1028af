import type { ComponentType, LazyExoticComponent } from 'react';
import type { Key } from '../i18n/messages';

/** A Route is a page and the paths that it is for. */
export interface Route {
  /** Matches a path; its named group is given to the page. */
  path: RegExp;
  page: LazyExoticComponent<ComponentType<{ name: string }>>;
  /** What the page is called in its title and above it. */
  title: Key;
  /** Where the navigation shows it; pages of one thing have none. */
  navigation?: { section: 'nav.registry' | 'nav.insight' | 'nav.access'; href: string };
  /** What lies above it: the page that lists what this one is about. */
  parent?: { title: Key; href: string };
}
