import type { DeletionImageId, PreviewImageDeletionResponse } from '../../api/nifuda.gen';
import { aws } from '../../lib/shell';

/** Doomed is what is to be deleted. */
export interface Doomed {
  digest: string;
  tags: string[];
  /** Other images that go with it: those that an index lists. */
  parts: string[];
}

/** A Wish is what of the images shall go. */
export type Wish = 'images' | 'tags';

/** So many images fit into one request. */
export const batch = 100;

/** idsOf names what is to go, an index right before its parts: they can only go after it. */
export function idsOf(doomed: Doomed, wish: Wish): DeletionImageId[] {
  if (wish === 'tags') return doomed.tags.map((tag) => ({ ImageDigest: doomed.digest, ImageTag: tag }));
  return [doomed.digest, ...doomed.parts].map((digest) => ({ ImageDigest: digest }));
}

/** batchesOf fills requests, those of one image in one request where they fit. */
export function batchesOf(images: Doomed[], wish: Wish): DeletionImageId[][] {
  const seen = new Set<string>();
  const batches: DeletionImageId[][] = [];
  let current: DeletionImageId[] = [];
  for (const image of images) {
    let ids = idsOf(image, wish).filter((id) => isNew(seen, `${id.ImageTag ?? ''}@${id.ImageDigest}`));
    if (current.length > 0 && current.length + ids.length > batch) {
      batches.push(current);
      current = [];
    }
    for (; ids.length > batch; ids = ids.slice(batch)) batches.push(ids.slice(0, batch));
    current.push(...ids);
  }
  return current.length > 0 ? [...batches, current] : batches;
}

function isNew(seen: Set<string>, key: string): boolean {
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

/** A Preview is what a deletion would do, of all requests together. */
export interface Preview {
  images: string[];
  tags: string[];
  failures: { id: string; code: string; reason: string }[];
  freed: number;
  /** What is shared by images of different requests is not in freed. */
  freedAtLeast: boolean;
  windowSeconds: number;
}

/** named writes what an id names. */
export const named = (id: { ImageDigest?: string; ImageTag?: string }) => id.ImageTag ?? id.ImageDigest ?? '';

/** sumUp puts the previews of several requests together. */
export function sumUp(answers: PreviewImageDeletionResponse[]): Preview {
  const images = answers.flatMap((one) => one.Images);
  return {
    images: images.filter((one) => one.ImageDeleted).map((one) => one.ImageDigest),
    tags: images.flatMap((one) => one.ImageTags),
    failures: answers
      .flatMap((one) => one.Failures)
      .map((one) => ({ id: named(one.ImageId), code: one.FailureCode, reason: one.FailureReason })),
    freed: answers.reduce((sum, one) => sum + one.FreedBytes, 0),
    freedAtLeast: answers.length > 1,
    windowSeconds: answers[0]?.UndeleteWindowSeconds ?? 0,
  };
}

const idWord = ({ ImageDigest, ImageTag }: DeletionImageId) =>
  [ImageDigest && `imageDigest=${ImageDigest}`, ImageTag && `imageTag=${ImageTag}`].filter(Boolean).join(',');

/** deleteCommands are the commands that delete the same. */
export const deleteCommands = (repository: string, batches: DeletionImageId[][]) =>
  batches.map((ids) =>
    aws('ecr', 'batch-delete-image', { 'repository-name': repository, 'image-ids': ids.map(idWord) }),
  );
