import { type DependencyList, useCallback, useEffect, useState } from 'react';

export interface Loading<T> {
  data?: T;
  error?: unknown;
  loading: boolean;
  /** reload asks again; what was there stays until the answer comes. */
  reload: () => void;
}

/** useLoad runs a request when what it depends on changes, and drops the answer of one that is outdated. */
export function useLoad<T>(
  request: (signal: AbortSignal) => Promise<T>,
  dependencies: DependencyList,
): Loading<T> {
  const [state, setState] = useState<{ data?: T; error?: unknown; loading: boolean }>({ loading: true });
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the caller says what the request depends on
  useEffect(() => {
    const abort = new AbortController();
    setState(({ data }) => ({ data: round > 0 ? data : undefined, loading: true }));
    request(abort.signal).then(
      (data) => !abort.signal.aborted && setState({ data, loading: false }),
      (error: unknown) => !abort.signal.aborted && setState(({ data }) => ({ data, error, loading: false })),
    );
    return () => abort.abort();
  }, [...dependencies, round]);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  return { ...state, reload };
}

/** useLatest keeps what was there last while something new is asked for. */
export function useLatest<T>(value: T | undefined): T | undefined {
  const [kept, setKept] = useState(value);
  if (value !== undefined && value !== kept) setKept(value);
  return value ?? kept;
}
