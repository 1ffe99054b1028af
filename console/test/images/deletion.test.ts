import { describe, expect, it } from 'vitest';
import { batchesOf, type Doomed, deleteCommands, sumUp } from '../../src/pages/images/deletion';

const doomed = (digest: string, tags: string[] = [], parts: string[] = []): Doomed => ({
  digest,
  tags,
  parts,
});
const many = (n: number, prefix = 'p') => Array.from({ length: n }, (_, i) => `${prefix}${i}`);

describe('batchesOf', () => {
  it('names an index before what it lists, and nothing twice', () => {
    const images = [doomed('i', ['t'], ['a', 'b']), doomed('j', [], ['b'])];
    expect(batchesOf(images, 'images')).toEqual([
      [{ ImageDigest: 'i' }, { ImageDigest: 'a' }, { ImageDigest: 'b' }, { ImageDigest: 'j' }],
    ]);
  });
  it('names tags with what they point at, so that one that was moved stays', () => {
    expect(batchesOf([doomed('i', ['t', 'u'], ['a'])], 'tags')).toEqual([
      [
        { ImageDigest: 'i', ImageTag: 't' },
        { ImageDigest: 'i', ImageTag: 'u' },
      ],
    ]);
  });
  const sizes: [Doomed[], number[]][] = [
    [
      [doomed('i', [], many(60)), doomed('j', [], many(60, 'q'))],
      [61, 61],
    ],
    [[doomed('i', [], many(250))], [100, 100, 51]],
    [many(201).map((digest) => doomed(digest)), [100, 100, 1]],
    [[], []],
  ];
  it.each(sizes)('puts at most a hundred into a request', (images, expected) =>
    expect(batchesOf(images, 'images').map((one) => one.length)).toEqual(expected),
  );
});

it('puts previews together', () => {
  const answer = {
    RegistryId: '1',
    RepositoryName: 'r',
    Images: [
      { ImageDigest: 'a', ImageTags: ['t'], ImageDeleted: true },
      { ImageDigest: 'b', ImageTags: ['u'], ImageDeleted: false },
    ],
    Failures: [{ ImageId: { ImageDigest: 'c' }, FailureCode: 'X', FailureReason: 'y' }],
    FreedBytes: 5,
    UndeleteWindowSeconds: 60,
  };
  expect(sumUp([answer])).toEqual({
    images: ['a'],
    tags: ['t', 'u'],
    failures: [{ id: 'c', code: 'X', reason: 'y' }],
    freed: 5,
    freedAtLeast: false,
    windowSeconds: 60,
  });
  expect(sumUp([answer, answer])).toMatchObject({ freed: 10, freedAtLeast: true });
});

it('writes the commands', () => {
  const ids = [{ ImageDigest: 'd', ImageTag: 't' }, { ImageDigest: 'e' }];
  expect(deleteCommands('r', [ids])[0].join(' ')).toBe(
    'aws ecr batch-delete-image --repository-name r --image-ids imageDigest=d,imageTag=t imageDigest=e',
  );
});
