import { type Clients, useClients } from '../../api/clients';
import { useLoad } from '../../lib/load';
import type { Doomed } from './deletion';
import { describeImages, loadManifest } from './fetch';

/** A Chosen image is to be deleted. */
export interface Chosen {
  digest: string;
  tags: string[];
  /** How many images it lists. */
  parts: number;
}

// What goes with an index: those of its images that have no tags of their own.
async function untaggedParts(clients: Clients, repository: string, digest: string, signal: AbortSignal) {
  const manifest = await loadManifest(clients, repository, digest, signal);
  const below = (manifest?.manifests ?? []).map((part) => part.digest);
  const details = await describeImages(clients, repository, below, signal);
  return [...details].filter(([, detail]) => !detail.imageTags?.length).map(([part]) => part);
}

/** useDoomed asks for all that would go with the chosen images. */
export function useDoomed(repository: string, images: Chosen[], visible: boolean) {
  const clients = useClients();
  const load = async (signal: AbortSignal): Promise<Doomed[]> => {
    if (!visible) return [];
    const digests = images.map((one) => one.digest);
    const known = await describeImages(clients, repository, digests, signal);
    const doomed: Doomed[] = [];
    for (const { digest, tags, parts } of images) {
      doomed.push({
        digest,
        tags: known.get(digest)?.imageTags ?? tags,
        parts: parts > 0 ? await untaggedParts(clients, repository, digest, signal) : [],
      });
    }
    // What others list can only go after them.
    return doomed.sort((a, b) => b.parts.length - a.parts.length);
  };
  return useLoad(load, [clients, repository, images, visible]);
}
