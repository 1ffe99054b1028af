import { useCallback, useEffect, useState } from 'react';
import { setQuery, usePlace } from './router';

/** How many rows a page may have. */
export const pageSizes = [20, 50, 100];
const usual = 50;

/** Paging is which page of a listing is shown, by the token that the page before it gave. */
export interface Paging {
  page: number;
  size: number;
  token?: string;
  /** turn goes to another page; next is the token that the page that is shown gave. */
  turn: (page: number, next?: string) => void;
  resize: (size: number) => void;
}

/** refine changes what is listed, or its order, and begins anew with the first page. */
export const refine = (changes: Record<string, string | undefined>) =>
  setQuery({ ...changes, page: undefined, after: undefined });

function whereIn(query: URLSearchParams) {
  const rest = new URLSearchParams(query);
  const token = rest.get('after') ?? undefined;
  const page = token ? Math.max(2, Math.trunc(Number(rest.get('page'))) || 2) : 1;
  rest.delete('after');
  rest.delete('page');
  return { page, token, listing: rest.toString() };
}

/** usePaging keeps the page in the URL: ?page= and ?after=, its token, and ?size=. */
export function usePaging(): Paging {
  const { path, query } = usePlace();
  const { page, token, listing } = whereIn(query);
  const [walked] = useState(() => new Map<string, string>());
  const key = useCallback((n: number) => `${path}?${listing}#${n}`, [path, listing]);
  useEffect(() => {
    if (token) walked.set(key(page), token);
  }, [walked, key, page, token]);
  const asked = Number(query.get('size'));
  const turn = useCallback(
    (to: number, next?: string) => {
      // Who came by a link has not walked through the pages before: there is only the first.
      const after = to === page + 1 ? next : walked.get(key(to));
      setQuery({ after, page: after && String(to) }, false);
    },
    [walked, key, page],
  );
  return {
    page,
    token,
    size: pageSizes.includes(asked) ? asked : usual,
    turn,
    resize: (size) => refine({ size: size === usual ? undefined : String(size) }),
  };
}

/** useFirstPageOn goes to the first page when the token of the URL is of another listing, or too old. */
export function useFirstPageOn(error: unknown) {
  const refused = error instanceof Error && error.name === 'InvalidNextTokenException';
  useEffect(() => {
    if (refused) refine({});
  }, [refused]);
}
