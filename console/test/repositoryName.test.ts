import { expect, it } from 'vitest';
import { nameProblem } from '../src/lib/repositoryName';

it.each([
  ['app', undefined],
  ['team/app', undefined],
  ['a.b_c__d---e/f', undefined],
  ['0a', undefined],
  ['', 'short'],
  ['a', 'short'],
  ['a'.repeat(256), undefined],
  ['a'.repeat(257), 'long'],
  ['App', 'characters'],
  ['a b', 'characters'],
  ['<b>', 'characters'],
  ['-ab', 'start'],
  ['/ab', 'start'],
  ['ab/', 'end'],
  ['ab.', 'end'],
  ['a..b', 'separators'],
  ['a___b', 'separators'],
  ['a//b', 'separators'],
  ['a/-b', 'separators'],
  ['a._b', 'separators'],
])('%s: %s', (name, problem) => expect(nameProblem(name)).toBe(problem));
