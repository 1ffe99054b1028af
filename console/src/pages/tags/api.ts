import {
  BatchDeleteImageCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  type ImageDetail,
  PutImageCommand,
} from '@aws-sdk/client-ecr';
import type { Clients, Ecr } from '../../api/clients';
import type { Own } from '../../api/own';
import type { TagSetting } from '../../lib/immutability';
import { checkTag } from './outlook';

/** isDigest tells digests from tags, which have no colon. */
export const isDigest = (reference: string) => reference.includes(':');

/** isNamed reports whether an error is one of the service's by that name. */
export const isNamed = (error: unknown, name: string) => error instanceof Error && error.name === name;

/** A Found is what is known at a glance of an image that a tag or a digest names. */
export interface Found {
  digest: string;
  size: number;
  pushedAt?: Date | number;
}

const wholeDigest = /^sha256:[0-9a-f]{64}$/;

/** findImage returns what a tag or a digest names, or null where there is nothing. */
export async function findImage(
  clients: Clients,
  repository: string,
  reference: string,
  signal?: AbortSignal,
): Promise<Found | null> {
  if (wholeDigest.test(reference)) return findDigest(clients, repository, reference, signal);
  if (checkTag(reference)) return null;
  // Where DescribeImages would answer with an error, a search says that there is nothing.
  const input = { RepositoryName: repository, Prefix: reference, MaxResults: 1 };
  const { Tags } = await clients.own('SearchTags', input, signal);
  const first = Tags[0];
  if (first?.ImageTag !== reference) return null;
  return { digest: first.ImageDigest, size: first.Size, pushedAt: first.PushedAt };
}

async function findDigest(
  { ecr }: Clients,
  repositoryName: string,
  digest: string,
  abortSignal?: AbortSignal,
) {
  try {
    const command = new DescribeImagesCommand({ repositoryName, imageIds: [{ imageDigest: digest }] });
    const { imageDetails } = await ecr.send(command, { abortSignal });
    const found = imageDetails?.[0];
    return found ? { digest, size: found.imageSizeInBytes ?? 0, pushedAt: found.imagePushedAt } : null;
  } catch (error) {
    if (isNamed(error, 'ImageNotFoundException')) return null;
    throw error;
  }
}

const pageOfDetails = 100;

/** detailsOf returns the images of digests that exist. */
export async function detailsOf(
  ecr: Ecr,
  repositoryName: string,
  digests: string[],
  abortSignal?: AbortSignal,
): Promise<Map<string, ImageDetail>> {
  const found = new Map<string, ImageDetail>();
  for (let i = 0; i < digests.length; i += pageOfDetails) {
    const imageIds = digests.slice(i, i + pageOfDetails).map((imageDigest) => ({ imageDigest }));
    const { imageDetails } = await ecr.send(new DescribeImagesCommand({ repositoryName, imageIds }), {
      abortSignal,
    });
    for (const one of imageDetails ?? []) found.set(one.imageDigest ?? '', one);
  }
  return found;
}

/** settingOf returns which tags of a repository may be moved. */
export async function settingOf(
  ecr: Ecr,
  repositoryName: string,
  abortSignal?: AbortSignal,
): Promise<TagSetting> {
  const command = new DescribeRepositoriesCommand({ repositoryNames: [repositoryName] });
  const { repositories } = await ecr.send(command, { abortSignal });
  const repository = repositories?.[0];
  return {
    mode: repository?.imageTagMutability ?? 'MUTABLE',
    filters: (repository?.imageTagMutabilityExclusionFilters ?? []).map(({ filter }) => filter ?? ''),
  };
}

/** setTag points a tag at an image of the same repository. Reading the manifest counts as no pull. */
export async function setTag(
  { ecr, own }: Clients,
  repositoryName: string,
  imageTag: string,
  digest: string,
) {
  const content = await own('DescribeImageContent', { RepositoryName: repositoryName, ImageDigest: digest });
  await ecr.send(
    new PutImageCommand({
      repositoryName,
      imageManifest: content.Manifest,
      imageManifestMediaType: content.ManifestMediaType,
      imageTag,
    }),
  );
}

/** removeTag removes a tag, and with its last tag the image. */
export async function removeTag(ecr: Ecr, repositoryName: string, imageTag: string) {
  const command = new BatchDeleteImageCommand({ repositoryName, imageIds: [{ imageTag }] });
  const { failures } = await ecr.send(command);
  const failure = failures?.[0];
  if (failure) throw Object.assign(new Error(failure.failureReason), { name: failure.failureCode });
}

/** undoRemoval points a tag again at what it pointed at before it was removed. */
export async function undoRemoval(own: Own, RepositoryName: string, ImageTag: string) {
  const { TagHistory } = await own('DescribeTagHistory', { RepositoryName, ImageTag, MaxResults: 2 });
  const [last, before] = TagHistory;
  if (!before || last.ImageDigest) return;
  await own('RestoreTag', { RepositoryName, ImageTag, Sequence: before.Sequence });
}
