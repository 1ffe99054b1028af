import { useCallback, useState } from 'react';
import { useClients } from '../../api/clients';
import { describeImages, loadTree } from './fetch';
import { type Row, rowsBelow } from './rows';
import { allOf } from './tree';

interface Children {
  rows?: Row[];
  error?: unknown;
}

/** Folds are which rows are unfolded, and what is below them. */
export interface Folds {
  expanded: Row[];
  childrenOf: (row: Row) => Row[];
  errorOf: (row: Row) => unknown;
  loading: (row: Row) => boolean;
  toggle: (row: Row, expanded: boolean) => void;
}

interface State {
  listing: unknown;
  expanded: Row[];
  found: ReadonlyMap<string, Children>;
}

const folded = (listing: unknown): State => ({ listing, expanded: [], found: new Map() });

/** useChildren asks for what belongs to an image when its row is unfolded; another listing begins folded. */
export function useChildren(repository: string, listing: unknown): Folds {
  const clients = useClients();
  const [last, setState] = useState(() => folded(listing));
  const state = last.listing === listing ? last : folded(listing);
  const put = useCallback(
    (key: string, children: Children) =>
      setState((last) =>
        // What was asked for an earlier listing comes too late.
        last.listing === listing ? { ...last, found: new Map(last.found).set(key, children) } : last,
      ),
    [listing],
  );
  const load = useCallback(
    async ({ key, digest, tags }: Row) => {
      put(key, {});
      try {
        const tree = await loadTree(clients, repository, { digest, tags }, new AbortController().signal);
        const below = allOf(tree).map((node) => node.digest);
        const details = await describeImages(clients, repository, below.slice(1));
        put(key, { rows: rowsBelow(key, tree, details) });
      } catch (error) {
        put(key, { error });
      }
    },
    [clients, repository, put],
  );
  const toggle = (row: Row, open: boolean) => {
    const others = state.expanded.filter((one) => one.key !== row.key);
    setState({ ...state, expanded: open ? [...others, row] : others });
    if (open && !row.children && !state.found.get(row.key)?.rows) void load(row);
  };
  return {
    expanded: state.expanded,
    childrenOf: (row) => row.children ?? state.found.get(row.key)?.rows ?? [],
    errorOf: (row) => state.found.get(row.key)?.error,
    loading: (row) => {
      const below = state.found.get(row.key);
      return Boolean(below && !below.rows && !below.error);
    },
    toggle,
  };
}
