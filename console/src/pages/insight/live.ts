import { useEffect, useRef } from 'react';

const interval = 4000; // milliseconds

/** useLive asks again and again while it is on and the page is visible, and never twice at once. */
export function useLive(on: boolean, ask: (signal: AbortSignal) => Promise<void>) {
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    if (!on) return;
    const abort = new AbortController();
    let busy = false;
    const tick = async () => {
      if (busy || document.hidden) return;
      busy = true;
      try {
        await latest.current(abort.signal);
      } catch {
        // The next one may succeed; what was asked for by hand says its errors.
      } finally {
        busy = false;
      }
    };
    const timer = setInterval(tick, interval);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [on]);
}
