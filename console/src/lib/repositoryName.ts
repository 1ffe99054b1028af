/** NameProblem is why a text is no name of a repository. */
export type NameProblem = 'short' | 'long' | 'characters' | 'start' | 'end' | 'separators';

const whole = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;

/** nameProblem applies ECR's rules for the names of repositories, the plainest reason first. */
export function nameProblem(name: string): NameProblem | undefined {
  if (/[^a-z0-9._/-]/.test(name)) return 'characters';
  if (name.length < 2) return 'short';
  if (name.length > 256) return 'long';
  if (!/^[a-z0-9]/.test(name)) return 'start';
  if (!/[a-z0-9]$/.test(name)) return 'end';
  if (!whole.test(name)) return 'separators';
  return undefined;
}
