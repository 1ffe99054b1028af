import { describe, expect, it } from 'vitest';
import {
  configurationDiff,
  isIndex,
  layersDiff,
  platformsOf,
  type Side,
  sideOf,
  sizeOf,
} from '../../src/pages/tags/diff';

const layer = (Digest: string, Size: number) => ({
  Digest,
  Size,
  MediaType: '',
  OtherImages: 0,
  OtherRepositories: 0,
  Damaged: false,
});
const side = (config: object, more: Partial<Side> = {}): Side => ({
  manifest: {},
  configuration: { config },
  layers: [],
  ...more,
});

describe('the configurations of two images', () => {
  it('differ in what was added, removed and changed', () => {
    const left = side({ Env: ['PATH=/bin', 'A=1', 'OLD=x=y'], User: 'root', Cmd: ['a', 'b c'] });
    const right = side({
      Env: ['PATH=/bin', 'A=2', 'NEW'],
      Cmd: ['a', 'b c'],
      ExposedPorts: { '80/tcp': {} },
    });
    expect(configurationDiff(left, right)).toEqual([
      { group: 'user', name: '', left: 'root', right: undefined, state: 'removed' },
      { group: 'cmd', name: '', left: '["a","b c"]', right: '["a","b c"]', state: 'same' },
      { group: 'env', name: 'A', left: '1', right: '2', state: 'changed' },
      { group: 'env', name: 'NEW', left: undefined, right: '', state: 'added' },
      { group: 'env', name: 'OLD', left: 'x=y', right: undefined, state: 'removed' },
      { group: 'env', name: 'PATH', left: '/bin', right: '/bin', state: 'same' },
      { group: 'ports', name: '80/tcp', left: undefined, right: '80/tcp', state: 'added' },
    ]);
  });
  it('differ in labels and annotations', () => {
    const left = side({ Labels: { v: '1' } }, { manifest: { annotations: { a: 'x' } } });
    const right = side({ Labels: { v: '2' } }, { manifest: { annotations: { b: 'x' } } });
    const states = configurationDiff(left, right).map(({ group, name, state }) => [group, name, state]);
    expect(states).toEqual([
      ['labels', 'v', 'changed'],
      ['annotations', 'a', 'removed'],
      ['annotations', 'b', 'added'],
    ]);
  });
  it('may be anything', () => {
    const odd = sideOf({
      Manifest: '[',
      Configuration: '{"config":{"Env":[1],"Labels":["x"],"Cmd":"no"}}',
      Layers: [],
    });
    expect(configurationDiff(odd, side({}))).toEqual([]);
  });
});

it('tells which layers both have, with what made them', () => {
  const history = [
    { created_by: 'ADD a' },
    { created_by: 'ENV', empty_layer: true },
    { created_by: 'RUN b' },
  ];
  const left = { ...side({}), configuration: { history }, layers: [layer('a', 1), layer('b', 2)] };
  const right = { ...side({}), layers: [layer('a', 1), layer('c', 4), layer('c', 4)] };
  expect(layersDiff(left, right)).toEqual([
    { digest: 'a', size: 1, side: 'both', command: 'ADD a' },
    { digest: 'b', size: 2, side: 'left', command: 'RUN b' },
    { digest: 'c', size: 4, side: 'right', command: undefined },
    { digest: 'c', size: 4, side: 'right', command: undefined },
  ]);
  expect(sizeOf(right)).toBe(5);
});

it('finds the platforms of an index', () => {
  const manifest = {
    manifests: [
      { digest: 'a', platform: { os: 'linux', architecture: 'amd64' } },
      { digest: 'b', platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
      { digest: 'c', platform: { os: 'unknown', architecture: 'unknown' } },
      { digest: 'd' },
    ],
  };
  expect(isIndex(manifest)).toBe(true);
  expect(isIndex({ layers: [] })).toBe(false);
  expect(platformsOf(manifest)).toEqual([
    { name: 'linux/amd64', digest: 'a' },
    { name: 'linux/arm/v7', digest: 'b' },
  ]);
});
