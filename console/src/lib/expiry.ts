import { useEffect, useState } from 'react';
import { expire, type Session } from './session';

const warning = 5 * 60 * 1000;

/** useEndsSoon reports whether a session is in its last minutes, and ends it when its time is over. */
export function useEndsSoon(session: Session | null): boolean {
  const [soon, setSoon] = useState(false);
  const at = session?.expiration;
  useEffect(() => {
    setSoon(false);
    if (at === undefined) return;
    const left = at - Date.now();
    const timers = [setTimeout(() => setSoon(true), left - warning), setTimeout(expire, left)];
    return () => timers.forEach(clearTimeout);
  }, [at]);
  return soon;
}
