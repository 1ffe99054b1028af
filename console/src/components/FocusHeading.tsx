import { useEffect } from 'react';

/**
 * FocusHeading gives the focus to the heading of a page that was gone to, so that
 * screen readers say where one is. It waits for a heading that comes with the
 * data, unless the user has gone on to something else by then.
 */
export default function FocusHeading({ place }: { place: string }) {
  useEffect(() => {
    if (place === arrivedAt) return;
    const first = arrivedAt === undefined;
    arrivedAt = place;
    if (first || focusHeading()) return; // the browser itself says what page was loaded
    const before = document.activeElement;
    const watch = new MutationObserver(() => {
      if (document.activeElement !== before || focusHeading()) watch.disconnect();
    });
    watch.observe(document.body, { childList: true, subtree: true });
    return () => watch.disconnect();
  }, [place]);
  return null;
}

let arrivedAt: string | undefined;

/** focusHeading gives the focus to the heading of the page, if it is there. */
export function focusHeading(): boolean {
  const heading = document.querySelector<HTMLElement>('main h1');
  if (!heading) return false;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
  return true;
}
