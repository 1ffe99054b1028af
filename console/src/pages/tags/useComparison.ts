import { type Clients, useClients } from '../../api/clients';
import { useLoad } from '../../lib/load';
import { type Found, findImage } from './api';
import { isIndex, type Platform, platformsOf, type Side, sideOf } from './diff';

/** A Compared is one of two images: what was named, and of an index the image for the platform that is compared. */
export interface Compared {
  reference: string;
  image: Found;
  platforms: Platform[];
  /** Nothing where an index has no image for the platform. */
  side?: Side;
}

export interface Comparison {
  left: Compared | null;
  right: Compared | null;
  /** The platforms that one of the two has. */
  platforms: string[];
  platform?: string;
}

const contentOf = async ({ own }: Clients, repository: string, digest: string, signal: AbortSignal) =>
  sideOf(await own('DescribeImageContent', { RepositoryName: repository, ImageDigest: digest }, signal));

async function named(clients: Clients, repository: string, reference: string, signal: AbortSignal) {
  const image = await findImage(clients, repository, reference, signal);
  if (!image) return null;
  const side = await contentOf(clients, repository, image.digest, signal);
  return { reference, image, side, platforms: platformsOf(side.manifest) };
}

type Named = Awaited<ReturnType<typeof named>>;

async function forPlatform(
  clients: Clients,
  repository: string,
  found: Named,
  platform: string | undefined,
  signal: AbortSignal,
): Promise<Compared | null> {
  if (!found || !isIndex(found.side.manifest)) return found;
  const digest = found.platforms.find(({ name }) => name === platform)?.digest;
  if (!digest) return { ...found, side: undefined };
  const side = await contentOf(clients, repository, digest, signal);
  return { ...found, side: { ...side, index: found.side.manifest } };
}

/** useComparison reads two images, and of indexes those for one platform. */
export function useComparison(repository: string, left: string, right: string, wanted: string | undefined) {
  const clients = useClients();
  return useLoad<Comparison>(
    async (signal) => {
      const [a, b] = await Promise.all([
        named(clients, repository, left, signal),
        named(clients, repository, right, signal),
      ]);
      const all = [...(a?.platforms ?? []), ...(b?.platforms ?? [])].map(({ name }) => name);
      const platforms = [...new Set(all)];
      const shared = platforms.find((name) =>
        [a, b].every((one) => one?.platforms.some((p) => p.name === name)),
      );
      const platform = wanted && platforms.includes(wanted) ? wanted : (shared ?? platforms[0]);
      const [leftSide, rightSide] = await Promise.all([
        forPlatform(clients, repository, a, platform, signal),
        forPlatform(clients, repository, b, platform, signal),
      ]);
      return { left: leftSide, right: rightSide, platforms, platform };
    },
    [clients, repository, left, right, wanted],
  );
}
