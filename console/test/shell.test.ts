import { expect, it } from 'vitest';
import { aws, commandLine } from '../src/lib/shell';

it.each([
  [['echo', 'a b'], `echo 'a b'`, `echo 'a b'`],
  [['echo', "it's"], `echo 'it'\\''s'`, `echo 'it''s'`],
  [['echo', '$(rm)'], `echo '$(rm)'`, `echo '$(rm)'`],
  [['echo', ''], `echo ''`, `echo ''`],
  [['echo', 'team/app:v1'], 'echo team/app:v1', 'echo team/app:v1'],
])('quotes %j', (words, posix, powershell) => {
  expect(commandLine(words)).toBe(posix);
  expect(commandLine(words, 'powershell')).toBe(powershell);
});

it('writes commands of the AWS CLI', () => {
  const words = aws('ecr', 'create-repository', {
    'repository-name': 'app',
    force: true,
    tags: ['a', 'b'],
    x: undefined,
  });
  expect(words).toEqual([
    'aws',
    'ecr',
    'create-repository',
    '--repository-name',
    'app',
    '--force',
    '--tags',
    'a',
    'b',
  ]);
});
