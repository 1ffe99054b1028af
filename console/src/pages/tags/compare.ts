/** compareQuery is what ?compare= names two tags or digests by. */
export const compareQuery = (left: string, right: string) => `${left}..${right}`;

/** compared takes the two apart again; a tag may end in a dot, but none begins with one. */
export function compared(query: string): [string, string] | null {
  for (let at = query.indexOf('..'); at > 0; at = query.indexOf('..', at + 1)) {
    const right = query.slice(at + 2);
    if (right && !right.startsWith('.')) return [query.slice(0, at), right];
  }
  return null;
}
