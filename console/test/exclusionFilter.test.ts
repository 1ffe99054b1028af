import { expect, it } from 'vitest';
import { filterProblem } from '../src/lib/exclusionFilter';

it.each([
  ['v*', undefined],
  ['*', undefined],
  ['*rc*', undefined],
  ['a_b.c-D0', undefined],
  ['', 'empty'],
  ['a*b*c*', 'stars'],
  ['a b', 'characters'],
  ['a/b', 'characters'],
  ['x'.repeat(128), undefined],
  ['x'.repeat(129), 'long'],
])('%s: %s', (filter, problem) => expect(filterProblem(filter)).toBe(problem));

it('finds a filter that is there already', () => expect(filterProblem('a', ['b', 'a'])).toBe('twice'));
