import Pagination from '@cloudscape-design/components/pagination';
import type { Paging } from '../lib/paging';

/** Pager turns the pages of a listing whose length nobody knows; next is the token of the page after this one. */
export default function Pager({
  paging,
  next,
  disabled,
}: {
  paging: Paging;
  next?: string;
  disabled?: boolean;
}) {
  return (
    <Pagination
      currentPageIndex={paging.page}
      pagesCount={next ? paging.page + 1 : paging.page}
      openEnd={Boolean(next)}
      disabled={disabled}
      onChange={(e) => paging.turn(e.detail.currentPageIndex, next)}
    />
  );
}
