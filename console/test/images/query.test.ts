import { describe, expect, it } from 'vitest';
import { lastDays } from '../../src/pages/images/days';
import { pullCommand, pullersOf } from '../../src/pages/images/pull';
import { isFiltered, listingOf, requestOf, searchCommand } from '../../src/pages/images/query';

const request = (query: string) =>
  requestOf('r', listingOf(new URLSearchParams(query)), { size: 20, token: undefined });

describe('the listing that a URL asks for', () => {
  it('is the newest first', () =>
    expect(JSON.parse(JSON.stringify(request('')))).toEqual({
      RepositoryName: 'r',
      SortBy: 'PUSHED_AT',
      MaxResults: 20,
    }));
  it('has all that can be chosen', () =>
    expect(request('q=%20v1&tagged=yes&type=chart&parts=yes&sort=size&order=up')).toMatchObject({
      Query: 'v1',
      TagStatus: 'TAGGED',
      ArtifactType: 'application/vnd.cncf.helm.config.v1+json',
      IncludeParts: true,
      SortBy: 'SIZE',
      Ascending: true,
    }));
  it('takes other types as they are', () =>
    expect(request('type=application/x')).toMatchObject({ ArtifactType: 'application/x' }));
  it.each(['sort=toString', 'sort=', 'tagged=maybe', 'parts=1', 'order=down', 'type='])(
    'takes %s for nothing',
    (query) => {
      expect(request(query)).toEqual(request(''));
      expect(isFiltered(listingOf(new URLSearchParams(query)))).toBe(false);
    },
  );
  it('is written as a command', () =>
    expect(searchCommand(request('q=v1&parts=yes')).join(' ')).toBe(
      'aws nifuda search-images --repository-name r --query v1 --include-parts --sort-by PUSHED_AT --max-results 20',
    ));
});

describe('pull commands', () => {
  const uri = 'localhost:5050/r';
  it.each([
    ['image', 'docker', { tag: 'v1', digest: 'd' }, 'docker pull localhost:5050/r:v1'],
    ['index', 'podman', { digest: 'd' }, 'podman pull localhost:5050/r@d'],
    ['chart', 'helm', { tag: '1.0_x', digest: 'd' }, 'helm pull oci://localhost:5050/r --version 1.0+x'],
    ['chart', 'helm', { digest: 'd' }, 'helm pull oci://localhost:5050/r@d'],
    ['sbom', 'oras', { digest: 'd' }, 'oras pull localhost:5050/r@d'],
  ] as const)('of %s with %s', (kind, puller, of, line) => {
    expect(pullersOf(kind)).toContain(puller);
    expect(pullCommand(puller, uri, of)).toBe(line);
  });
});

it('counts days on which nothing happened', () => {
  const now = new Date('2026-11-28T23:00:00Z');
  expect(lastDays([{ Day: '2026-11-27', Pulls: 3 }], 3, now).map((one) => one.pulls)).toEqual([0, 3, 0]);
});
