import { describe, expect, it } from 'vitest';
import { readManifest } from '../../src/pages/images/manifest';
import { rowOf, rowsBelow } from '../../src/pages/images/rows';
import { allOf, nodeOf, type Referrer, type TreeNode, treeOf } from '../../src/pages/images/tree';

const index = (manifests: object[]) =>
  readManifest(JSON.stringify({ mediaType: 'application/vnd.oci.image.index.v1+json', manifests }));
const amd64 = { digest: 'amd64', platform: { os: 'linux', architecture: 'amd64' } };
const attestation = {
  digest: 'att',
  platform: { os: 'unknown', architecture: 'unknown' },
  annotations: {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': 'amd64',
  },
};
const shape = (node: TreeNode): unknown => [node.digest, node.role, ...node.children.map(shape)];
const tree = (manifests: object[], referrers: [string, Referrer[]][] = []) =>
  treeOf({ digest: 'root', manifest: index(manifests), tags: [] }, new Map(referrers));

describe('treeOf', () => {
  it('hangs what refers to an image, and what attests it, below it', () => {
    const found = tree(
      [attestation, amd64],
      [
        ['root', [{ digest: 'sig', artifactType: 'application/vnd.cncf.notary.signature' }]],
        ['amd64', [{ digest: 'sbom', artifactType: 'application/spdx+json' }]],
        ['sbom', [{ digest: 'sig2' }]],
      ],
    );
    expect(shape(found)).toEqual([
      'root',
      'root',
      ['amd64', 'platform', ['att', 'attestation'], ['sbom', 'referrer', ['sig2', 'referrer']]],
      ['sig', 'referrer'],
    ]);
    expect(nodeOf(found, 'sbom')?.kind).toBe('sbom');
    expect(nodeOf(found, 'other')).toBeUndefined();
  });

  it('leaves an attestation of something else where it is', () => {
    expect(shape(tree([attestation]))).toEqual(['root', 'root', ['att', 'attestation']]);
  });

  it('tells apart two places of the same image', () => {
    const ids = allOf(tree([amd64, amd64], [['amd64', [{ digest: 'a' }]]])).map((node) => node.id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('ends where things refer to each other, which digests do not allow', () => {
    const found = tree(
      [],
      [
        ['root', [{ digest: 'a' }]],
        ['a', [{ digest: 'a' }, {}]],
      ],
    );
    expect(allOf(found).length).toBeLessThan(10);
  });

  it('is a tree without a manifest too', () => {
    expect(shape(treeOf({ digest: 'root', tags: [] }, new Map()))).toEqual(['root', 'root']);
  });
});

it('unfolds into rows with what is known of each', () => {
  const details = new Map([['amd64', { imageTags: ['x'], imageSizeInBytes: 7 }]]);
  const [row] = rowsBelow('root', tree([amd64, attestation]), details);
  expect(row).toMatchObject({ platform: 'linux/amd64', size: 7, tags: ['x'], expandable: true });
  expect(row.children?.[0]).toMatchObject({ role: 'attestation', expandable: false });
});

it('marks in the list what refers to another image', () => {
  const image = {
    ImageDigest: 'a',
    ImageTags: [],
    TagCount: 0,
    MediaType: 'application/vnd.oci.image.manifest.v1+json',
    ArtifactType: 'application/spdx+json',
    Size: 1,
    PushedAt: 1,
    Parts: 0,
    Referrers: 1,
    Damaged: false,
  };
  expect(rowOf(image)).toMatchObject({ kind: 'sbom', refers: false, expandable: true });
  expect(rowOf({ ...image, SubjectDigest: 'b' })).toMatchObject({ refers: true });
});
