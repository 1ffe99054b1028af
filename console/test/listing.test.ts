import { expect, it } from 'vitest';
import { isFiltered, requestIn, sortingIn, sortText } from '../src/pages/repositories/listing';

const request = (query: string) => JSON.parse(JSON.stringify(requestIn(new URLSearchParams(query))));
const all = { SortBy: 'NAME', Descending: false };

it.each([
  ['', all],
  ['q=%20team%20', { ...all, Query: 'team' }],
  ['mutability=IMMUTABLE', { ...all, TagMutability: ['IMMUTABLE'] }],
  ['mutability=other', all],
  ['scan=off', { ...all, ScanOnPush: false }],
  ['scan=on&sort=-size', { ScanOnPush: true, SortBy: 'SIZE', Descending: true }],
  ['resource-tag=env', { ...all, ResourceTagKey: 'env' }],
  ['resource-tag=env%3Da%3Db', { ...all, ResourceTagKey: 'env', ResourceTagValue: 'a=b' }],
  ['resource-tag=env%3D', { ...all, ResourceTagKey: 'env', ResourceTagValue: '' }],
  ['sort=toString', all],
])('asks for %s', (query, expected) => expect(request(query)).toEqual(expected));

it('writes the order as it reads it', () => {
  for (const text of ['-name', 'size', '-created', 'images']) {
    expect(sortText(sortingIn(new URLSearchParams({ sort: text })))).toBe(text);
  }
  expect(sortText({ order: 'name', descending: false })).toBeUndefined();
});

it('tells a search from all', () => {
  expect(isFiltered(new URLSearchParams('sort=size&size=20'))).toBe(false);
  expect(isFiltered(new URLSearchParams('q=a'))).toBe(true);
});
