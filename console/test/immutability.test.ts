import { describe, expect, it } from 'vitest';
import { judge, matches } from '../src/lib/immutability';

describe('matches', () => {
  it.each([
    ['v*', ['v', 'v1.2'], ['V1', 'dev1']],
    ['latest', ['latest'], ['latest2', 'Latest', '']],
    ['*', ['', 'a'], []],
    ['*-dev', ['-dev', 'x-dev'], ['x-dev2', 'dev']],
    ['a*a', ['aa', 'aba', 'aaa'], ['a', 'ab']],
    ['*rc*', ['rc', '1-rc-2', 'rcrc'], ['r-c']],
    ['a*b*c', ['abc', 'axbxc', 'abbc'], ['ac', 'acb', 'abcx']],
    ['**', ['', 'a'], []],
    ['v1.*', ['v1.0'], ['v10']],
  ])('%s', (filter, matched, others) => {
    for (const tag of matched) expect(matches(filter, tag), tag).toBe(true);
    for (const tag of others) expect(matches(filter, tag), tag).toBe(false);
  });
});

it('judges by the mode and the first filter that matches', () => {
  const filters = ['dev-*', '*'];
  expect(judge({ mode: 'MUTABLE', filters: [] }, 'a')).toEqual({ movable: true });
  expect(judge({ mode: 'IMMUTABLE', filters: [] }, 'a')).toEqual({ movable: false });
  expect(judge({ mode: 'MUTABLE_WITH_EXCLUSION', filters }, 'dev-1')).toEqual({
    movable: false,
    filter: 'dev-*',
  });
  expect(judge({ mode: 'IMMUTABLE_WITH_EXCLUSION', filters }, 'a')).toEqual({ movable: true, filter: '*' });
  expect(judge({ mode: 'IMMUTABLE_WITH_EXCLUSION', filters: ['v*'] }, 'a')).toEqual({ movable: false });
});
