import { DescribeImagesCommand, type ImageDetail, ListImageReferrersCommand } from '@aws-sdk/client-ecr';
import type { Clients, Ecr } from '../../api/clients';
import { cosignKind } from './kinds';
import { type Manifest, readManifest } from './manifest';
import { type Origin, type Referrer, type Referrers, treeOf } from './tree';

// More of what refers to an image than this is not shown; nor is more looked for.
const maxReferrers = 200;
const maxAsked = 60;
const atOnce = 6;

async function referrersOf(ecr: Ecr, repositoryName: string, imageDigest: string, abortSignal: AbortSignal) {
  const all: Referrer[] = [];
  let nextToken: string | undefined;
  do {
    const answer = await ecr.send(
      new ListImageReferrersCommand({
        repositoryName,
        subjectId: { imageDigest },
        maxResults: 50,
        nextToken,
      }),
      { abortSignal },
    );
    all.push(...(answer.referrers ?? []));
    nextToken = answer.nextToken;
  } while (nextToken && all.length < maxReferrers);
  return all;
}

// Older versions of cosign attach by tags that are made of the digest.
async function attachedByTag({ own }: Clients, repository: string, digest: string, signal: AbortSignal) {
  const Prefix = `${digest.replace(':', '-')}.`;
  const { Tags } = await own('SearchTags', { RepositoryName: repository, Prefix, MaxResults: 20 }, signal);
  return Tags.filter(({ ImageTag }) => cosignKind(ImageTag)).map(
    ({ ImageTag, ImageDigest, MediaType, ArtifactType }): Referrer => ({
      digest: ImageDigest,
      mediaType: MediaType,
      artifactType: ArtifactType,
      tags: [ImageTag],
    }),
  );
}

/** each runs a task for every one of a list, some at a time. */
async function each<T>(list: T[], task: (one: T) => Promise<void>) {
  const rest = [...list];
  const worker = async () => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await task(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** loadReferrers asks what refers to an image, to what it lists, and to what refers to those. */
export async function loadReferrers(
  clients: Clients,
  repository: string,
  { digest, manifest }: Origin,
  signal: AbortSignal,
): Promise<Referrers> {
  const found = new Map<string, Referrer[]>();
  let asked = [digest, ...(manifest?.manifests ?? []).map((part) => part.digest)];
  for (let depth = 0; depth < 3 && asked.length > 0; depth++) {
    const fresh = [...new Set(asked)].filter((one) => !found.has(one)).slice(0, maxAsked);
    await each(fresh, async (one) => {
      const referrers = await referrersOf(clients.ecr, repository, one, signal);
      // What is attached by tag has nothing attached to itself.
      const tagged = depth === 0 ? await attachedByTag(clients, repository, one, signal) : [];
      found.set(one, [...referrers, ...tagged]);
    });
    asked = fresh
      .flatMap((one) => (found.get(one) ?? []).map((referrer) => referrer.digest ?? ''))
      .filter(Boolean);
  }
  return found;
}

/** loadManifest reads a manifest without counting as a pull, as BatchGetImage would. */
export async function loadManifest(
  { own }: Clients,
  repository: string,
  digest: string,
  signal?: AbortSignal,
): Promise<Manifest | undefined> {
  const input = { RepositoryName: repository, ImageDigest: digest };
  return readManifest((await own('DescribeImageContent', input, signal)).Manifest);
}

/** describeImages tells of images what is known; those that do not exist are left out. */
export async function describeImages(
  { ecr }: Clients,
  repositoryName: string,
  digests: string[],
  abortSignal?: AbortSignal,
): Promise<Map<string, ImageDetail>> {
  const found = new Map<string, ImageDetail>();
  const ask = async (some: string[]): Promise<void> => {
    const imageIds = some.map((imageDigest) => ({ imageDigest }));
    try {
      const answer = await ecr.send(new DescribeImagesCommand({ repositoryName, imageIds }), { abortSignal });
      for (const one of answer.imageDetails ?? []) found.set(one.imageDigest ?? '', one);
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'ImageNotFoundException') throw error;
      // One that is missing has the whole request refused.
      const half = Math.ceil(some.length / 2);
      if (some.length > 1) await Promise.all([ask(some.slice(0, half)), ask(some.slice(half))]);
    }
  };
  const all = [...new Set(digests)];
  for (let i = 0; i < all.length; i += 100) await ask(all.slice(i, i + 100));
  return found;
}

/** loadTree is an image with all that belongs to it. */
export async function loadTree(
  clients: Clients,
  repository: string,
  origin: Pick<Origin, 'digest' | 'tags'>,
  signal: AbortSignal,
) {
  const whole = { ...origin, manifest: await loadManifest(clients, repository, origin.digest, signal) };
  return treeOf(whole, await loadReferrers(clients, repository, whole, signal));
}
