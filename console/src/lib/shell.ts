/** A Shell is what a command is written for. */
export type Shell = 'posix' | 'powershell';

const plain = /^[A-Za-z0-9_@%+=:,./-]+$/;

function quote(word: string, shell: Shell): string {
  if (plain.test(word) && !(shell === 'powershell' && word.startsWith('@'))) return word;
  return shell === 'posix' ? `'${word.replaceAll("'", `'\\''`)}'` : `'${word.replaceAll("'", "''")}'`;
}

/** commandLine writes a command so that a shell reads the same words. */
export const commandLine = (words: string[], shell: Shell = 'posix') =>
  words.map((word) => quote(word, shell)).join(' ');

/** Options of a command of the AWS CLI; undefined ones are left out, true is a flag alone. */
export type CliOptions = Record<string, string | number | boolean | string[] | undefined>;

/** aws writes a command of the AWS CLI: aws('ecr', 'create-repository', { 'repository-name': 'app' }). */
export function aws(service: string, operation: string, options: CliOptions): string[] {
  const words = ['aws', service, operation];
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (value === false) words.push(`--no-${name}`);
    else if (value === true) words.push(`--${name}`);
    else words.push(`--${name}`, ...(Array.isArray(value) ? value : [String(value)]));
  }
  return words;
}
