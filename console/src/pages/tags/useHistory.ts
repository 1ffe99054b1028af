import type { ImageDetail } from '@aws-sdk/client-ecr';
import { useCallback, useEffect, useState } from 'react';
import { useClients } from '../../api/clients';
import type { TagChange } from '../../api/nifuda.gen';
import { useLoad } from '../../lib/load';
import { detailsOf } from './api';

interface Page {
  entries: TagChange[];
  details: Map<string, ImageDetail>;
  next?: string;
}

/** useHistory is what happened to a tag, newest first, as far back as was asked for. */
export function useHistory(repository: string, tag: string) {
  const { ecr, own } = useClients();
  const [older, setOlder] = useState<Page[]>([]);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const read = useCallback(
    async (NextToken?: string, signal?: AbortSignal): Promise<Page> => {
      const input = { RepositoryName: repository, ImageTag: tag, MaxResults: 100, NextToken };
      const { TagHistory: entries, NextToken: next } = await own('DescribeTagHistory', input, signal);
      const there = entries.filter(({ ImageState }) => ImageState === 'EXISTS');
      const digests = [...new Set(there.map(({ ImageDigest }) => ImageDigest ?? ''))];
      return { entries, next, details: await detailsOf(ecr, repository, digests, signal) };
    },
    [ecr, own, repository, tag],
  );
  const { data: newest, error, loading, reload } = useLoad((signal) => read(undefined, signal), [read]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: older pages belong to the newest one
  useEffect(() => setOlder([]), [newest]);

  const pages = newest ? [newest, ...older] : [];
  const next = pages.at(-1)?.next;
  const more = async () => {
    setBusy(true);
    setFailure(undefined);
    try {
      const page = await read(next);
      setOlder((all) => [...all, page]);
    } catch (e) {
      setFailure(e);
    } finally {
      setBusy(false);
    }
  };
  return {
    history: pages.flatMap(({ entries }) => entries),
    details: new Map(pages.flatMap(({ details }) => [...details])),
    loaded: Boolean(newest),
    loading: loading || busy,
    error: error ?? failure,
    reload,
    more: next ? more : undefined,
  };
}
