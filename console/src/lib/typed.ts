import { useEffect, useState } from 'react';
import { refine } from './paging';
import { usePlace } from './router';

const pause = 250;

/** useTyped is a text that a listing is narrowed by; the URL takes it over when typing pauses. */
export function useTyped(parameter: string): [string, (text: string) => void] {
  const { query } = usePlace();
  const [typed, setTyped] = useState<string>();
  useEffect(() => {
    if (typed === undefined) return;
    const timer = setTimeout(() => {
      refine({ [parameter]: typed || undefined });
      setTyped(undefined);
    }, pause);
    return () => clearTimeout(timer);
  }, [typed, parameter]);
  return [typed ?? query.get(parameter) ?? '', setTyped];
}
