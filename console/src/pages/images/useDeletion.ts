import { BatchDeleteImageCommand, type ImageFailure } from '@aws-sdk/client-ecr';
import { useCallback, useState } from 'react';
import { useClients } from '../../api/clients';
import type { DeletionImageId } from '../../api/nifuda.gen';

/** A Progress is how far a deletion is. */
export interface Progress {
  done: number;
  of: number;
  /** What was refused. */
  failures: ImageFailure[];
  ended: boolean;
  /** What broke it off. */
  error?: unknown;
}

/** useDeletion runs a deletion, one request after the other. */
export function useDeletion(repositoryName: string) {
  const { ecr } = useClients();
  const [progress, setProgress] = useState<Progress>();
  const run = useCallback(
    async (batches: DeletionImageId[][]): Promise<Progress> => {
      let state: Progress = { done: 0, of: batches.length, failures: [], ended: false };
      setProgress(state);
      try {
        for (const ids of batches) {
          const imageIds = ids.map((id) => ({ imageDigest: id.ImageDigest, imageTag: id.ImageTag }));
          const { failures = [] } = await ecr.send(new BatchDeleteImageCommand({ repositoryName, imageIds }));
          state = { ...state, done: state.done + 1, failures: [...state.failures, ...failures] };
          setProgress(state);
        }
      } catch (error) {
        state = { ...state, error };
      }
      state = { ...state, ended: true };
      setProgress(state);
      return state;
    },
    [ecr, repositoryName],
  );
  const reset = useCallback(() => setProgress(undefined), []);
  return { progress, run, reset };
}
