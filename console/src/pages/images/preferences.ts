import { useRemembered } from '../../lib/remembered';

/** useHidden are the columns that the user does not want to see. */
export function useHidden(): [hidden: string[], hide: (ids: string[]) => void] {
  const [hidden, hide] = useRemembered('images.hidden');
  return [hidden.split(' ').filter(Boolean), (ids) => hide(ids.join(' '))];
}
