/** whoIs is the part of a principal's ARN that people know it by: a user, a role with its session, or root. */
export function whoIs(arn: string): string {
  const resource = arn.split(':').slice(5).join(':');
  if (resource === 'root') return 'root';
  const [kind, ...names] = resource.split('/');
  return kind === 'assumed-role' ? names.join('/') : (names.pop() ?? kind);
}
