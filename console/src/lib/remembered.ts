import { useCallback, useState } from 'react';

/** recall is what was remembered under a name in this browser; never a secret. */
export const recall = (name: string) => localStorage.getItem(`nifuda.${name}`) ?? '';

/** remember keeps a choice for the next visit. */
export const remember = (name: string, value: string) => localStorage.setItem(`nifuda.${name}`, value);

/** useRemembered is a choice that is remembered. */
export function useRemembered(name: string, first = ''): [string, (value: string) => void] {
  const [value, setValue] = useState(() => recall(name) || first);
  const choose = useCallback(
    (next: string) => {
      setValue(next);
      remember(name, next);
    },
    [name],
  );
  return [value, choose];
}
