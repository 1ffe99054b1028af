import type { FoundImage } from '../../api/nifuda.gen';
import { type Kind, kindOf } from './kinds';
import type { Role, TreeNode } from './tree';

/** A Row of the table is an image, or below one what belongs to it. */
export interface Row {
  /** Tells apart two places of the same image. */
  key: string;
  digest: string;
  role: Role;
  kind: Kind;
  /** What it calls itself where its kind says too little. */
  type?: string;
  platform?: string;
  /** Some of its tags. */
  tags: string[];
  tagCount: number;
  size?: number;
  pushedAt?: number | Date;
  /** Unknown for what belongs to an image; undefined is never. */
  pulledAt?: number | Date;
  damaged: boolean;
  /** It refers to another image. */
  refers: boolean;
  /** How many images it lists. */
  parts: number;
  expandable: boolean;
  /** Absent where they have yet to be asked for. */
  children?: Row[];
}

/** rowOf is the row of an image that was found. */
export function rowOf(image: FoundImage): Row {
  return {
    key: image.ImageDigest,
    digest: image.ImageDigest,
    role: 'root',
    kind: kindOf({ mediaType: image.MediaType, artifactType: image.ArtifactType, tags: image.ImageTags }),
    type: image.ArtifactType ?? image.MediaType,
    tags: image.ImageTags,
    tagCount: image.TagCount,
    size: image.Size,
    pushedAt: image.PushedAt,
    pulledAt: image.PulledAt,
    damaged: image.Damaged,
    refers: image.SubjectDigest !== undefined,
    parts: image.Parts,
    expandable: image.Parts > 0 || image.Referrers > 0,
  };
}

/** What DescribeImages tells of an image. */
export interface Detail {
  imageDigest?: string;
  imageTags?: string[];
  imageSizeInBytes?: number;
  imagePushedAt?: Date;
  lastRecordedPullTime?: Date;
}

/** rowsBelow are the rows that an image unfolds into. */
export const rowsBelow = (parent: string, tree: TreeNode, details: ReadonlyMap<string, Detail>): Row[] =>
  tree.children.map((node) => {
    const detail = details.get(node.digest);
    const children = rowsBelow(parent, node, details);
    return {
      key: `${parent}${node.id}`,
      digest: node.digest,
      role: node.role,
      kind: node.kind,
      type: node.artifactType ?? node.mediaType,
      platform: node.platform,
      tags: (detail?.imageTags ?? []).slice(0, 20),
      tagCount: detail?.imageTags?.length ?? 0,
      size: detail?.imageSizeInBytes ?? node.size,
      pushedAt: detail?.imagePushedAt,
      pulledAt: detail?.lastRecordedPullTime,
      damaged: false,
      refers: node.role === 'referrer',
      parts: 0,
      expandable: children.length > 0,
      children,
    };
  });
