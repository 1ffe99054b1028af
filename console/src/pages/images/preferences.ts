import { useState } from 'react';
import { list, parsed, record } from '../../lib/json';

const key = 'nifuda.images.columns';

function load(): string[] {
  return list(record(parsed(localStorage.getItem(key) ?? undefined)).hidden).filter(
    (id) => typeof id === 'string',
  );
}

/** useHidden are the columns that the user does not want to see, in this browser. */
export function useHidden(): [hidden: string[], hide: (ids: string[]) => void] {
  const [hidden, setHidden] = useState(load);
  const hide = (ids: string[]) => {
    localStorage.setItem(key, JSON.stringify({ hidden: ids }));
    setHidden(ids);
  };
  return [hidden, hide];
}
