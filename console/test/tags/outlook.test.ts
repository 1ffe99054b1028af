import { expect, it } from 'vitest';
import { setCommands } from '../../src/pages/tags/commands';
import { compared, compareQuery } from '../../src/pages/tags/compare';
import { checkTag, outlook } from '../../src/pages/tags/outlook';
import { blobsOf } from '../../src/pages/tags/promote';

it.each([
  ['', 'empty'],
  ['v1.2_x-y', undefined],
  ['_x', undefined],
  ['.x', 'first'],
  ['-x', 'first'],
  ['a/b', 'characters'],
  ['あ', 'characters'],
  ['x'.repeat(128), undefined],
  ['x'.repeat(129), 'long'],
])('checks the tag %j', (tag, problem) => expect(checkTag(tag)).toBe(problem));

it('foresees what becomes of a tag', () => {
  const setting = { mode: 'IMMUTABLE_WITH_EXCLUSION', filters: ['dev-*'] } as const;
  const on = { ...setting, filters: [...setting.filters] };
  expect(outlook(on, 'v1', undefined, 'b')).toEqual({ result: 'new' });
  expect(outlook(on, 'v1', 'b', 'b')).toEqual({ result: 'same' });
  expect(outlook(on, 'v1', 'a', 'b')).toEqual({ result: 'blocked' });
  expect(outlook(on, 'dev-1', 'a', 'b')).toEqual({ result: 'moves', filter: 'dev-*' });
  expect(outlook({ mode: 'MUTABLE_WITH_EXCLUSION', filters: ['v*'] }, 'v1', 'a', 'b')).toEqual({
    result: 'blocked',
    filter: 'v*',
  });
});

it.each([
  ['a', 'b'],
  ['a.', 'b'],
  ['sha256:00', 'v1.2'],
])('names %s and %s in one parameter', (left, right) =>
  expect(compared(compareQuery(left, right))).toEqual([left, right]),
);
it.each(['', 'a', '..b', 'a..', 'a.b'])('finds no two names in %j', (query) =>
  expect(compared(query)).toBeNull(),
);

it('quotes what is typed in the commands', () => {
  expect(setCommands('app', '$(x)', "a'b")).toEqual([
    `MANIFEST="$(aws ecr batch-get-image --repository-name app --image-ids 'imageTag=$(x)' --query 'images[0].imageManifest' --output text)"`,
    `aws ecr put-image --repository-name app --image-tag 'a'\\''b' --image-manifest "$MANIFEST"`,
  ]);
});

it('mounts the blobs that registries hold, each once', () => {
  const layers = [{ digest: 'b' }, { digest: 'b' }, { digest: 'c', urls: ['https://example.com'] }];
  expect(blobsOf({ config: { digest: 'a' }, layers })).toEqual(['a', 'b']);
  expect(blobsOf({ manifests: [{ digest: 'd' }] })).toEqual([]);
});
