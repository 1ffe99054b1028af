import { instant, type Pair, pairValue } from '../../lib/json';
import { attestedBy, type Kind, kindOf } from './kinds';
import { type Descriptor, isIndex, type Manifest, platformName } from './manifest';

/** A Role is how something came to its place in the tree. */
export type Role = 'root' | 'platform' | 'attestation' | 'referrer';

/** A TreeNode is an image, or what belongs to it. */
export interface TreeNode {
  /** Tells apart two places of the same image. */
  id: string;
  digest: string;
  role: Role;
  kind: Kind;
  mediaType?: string;
  artifactType?: string;
  platform?: string;
  size?: number;
  annotations: Pair[];
  created?: Date;
  children: TreeNode[];
}

/** A Referrer is what ListImageReferrers tells of an artifact; all of it may be missing. */
export interface Referrer {
  digest?: string;
  mediaType?: string;
  artifactType?: string;
  size?: number;
  annotations?: Record<string, string>;
  /** The tag that attaches it, where a tag does. */
  tags?: string[];
}

/** What refers to each digest. */
export type Referrers = ReadonlyMap<string, Referrer[]>;

/** An Origin is where a tree begins. */
export interface Origin {
  digest: string;
  manifest?: Manifest;
  tags: string[];
}

// What refers to what refers to an image is followed this far.
const maxDepth = 4;

/** createdAt is when annotations say that something was made. */
export const createdAt = (annotations: Pair[]) =>
  instant(
    pairValue(annotations, 'org.opencontainers.image.created') ??
      pairValue(annotations, 'org.opencontainers.artifact.created'),
  );

function referrerNodes(digest: string, above: string, referrers: Referrers, depth: number): TreeNode[] {
  if (depth > maxDepth) return [];
  return (referrers.get(digest) ?? []).flatMap((one, place) => {
    if (!one.digest) return [];
    const annotations: Pair[] = Object.entries(one.annotations ?? {});
    const id = `${above}/r${place}`;
    return {
      id,
      digest: one.digest,
      role: 'referrer' as const,
      kind: kindOf({ ...one, annotations }),
      mediaType: one.mediaType,
      artifactType: one.artifactType,
      annotations,
      created: createdAt(annotations),
      children: referrerNodes(one.digest, id, referrers, depth + 1),
    };
  });
}

function partNode(part: Descriptor, place: number, above: string, referrers: Referrers): TreeNode {
  const id = `${above}/${place}`;
  const attestation = attestedBy(part.annotations) !== undefined;
  return {
    id,
    digest: part.digest,
    role: attestation ? 'attestation' : 'platform',
    kind: kindOf(part),
    mediaType: part.mediaType,
    artifactType: part.artifactType,
    platform: platformName(part.platform),
    annotations: part.annotations,
    created: createdAt(part.annotations),
    children: referrerNodes(part.digest, id, referrers, 1),
  };
}

// The attestations of buildx stand beside the images that they are about.
function nest(parts: TreeNode[]): TreeNode[] {
  const images = new Map(parts.filter((one) => one.role === 'platform').map((one) => [one.digest, one]));
  return parts.filter((part) => {
    const image = part.role === 'attestation' && images.get(attestedBy(part.annotations) ?? '');
    if (!image) return true;
    image.children.unshift(part);
    return false;
  });
}

/** typesOf is what the kind of a manifest is known by. */
export const typesOf = (manifest: Manifest | undefined, tags: string[] = []) => ({
  mediaType: manifest?.mediaType,
  artifactType: manifest?.artifactType ?? manifest?.config?.mediaType,
  annotations: manifest?.annotations,
  layerTypes: manifest?.layers.map((layer) => layer.mediaType),
  tags,
});

/** treeOf is an image with its platforms, and each with what refers to it. */
export function treeOf({ digest, manifest, tags }: Origin, referrers: Referrers): TreeNode {
  const parts = (manifest?.manifests ?? []).map((part, place) => partNode(part, place, '', referrers));
  const types = typesOf(manifest, tags);
  return {
    id: '',
    digest,
    role: 'root',
    kind: kindOf(types),
    mediaType: types.mediaType,
    artifactType: types.artifactType,
    annotations: types.annotations ?? [],
    children: [...nest(parts), ...referrerNodes(digest, '', referrers, 1)],
  };
}

/** nodeOf finds the first place of a digest. */
export function nodeOf(tree: TreeNode, digest: string): TreeNode | undefined {
  if (tree.digest === digest) return tree;
  for (const child of tree.children) {
    const found = nodeOf(child, digest);
    if (found) return found;
  }
  return undefined;
}

/** allOf are a node and all below it. */
export const allOf = (tree: TreeNode): TreeNode[] => [tree, ...tree.children.flatMap(allOf)];

/** canHaveParts tells whether a node lists others that the tree does not show. */
export const canHaveParts = (node: TreeNode) => node.role !== 'root' && isIndex(node.mediaType);
