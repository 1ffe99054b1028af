/** FilterProblem is why a text is no filter of tags that are excluded from a repository's mutability. */
export type FilterProblem = 'empty' | 'long' | 'characters' | 'stars' | 'twice';

/** maxFilters is how many filters a repository may have. */
export const maxFilters = 5;

/** filterProblem applies ECR's rules for a filter; the others of the repository are given to find one that is there twice. */
export function filterProblem(filter: string, others: string[] = []): FilterProblem | undefined {
  if (filter === '') return 'empty';
  if (/[^0-9a-zA-Z._*-]/.test(filter)) return 'characters';
  if (filter.length > 128) return 'long';
  if (filter.split('*').length > 3) return 'stars';
  if (others.includes(filter)) return 'twice';
  return undefined;
}
