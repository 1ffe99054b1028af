/** Mutability is the setting of a repository: which of its tags may be pointed at another image. */
export type Mutability = 'MUTABLE' | 'IMMUTABLE' | 'MUTABLE_WITH_EXCLUSION' | 'IMMUTABLE_WITH_EXCLUSION';

/** A TagSetting is the setting with the filters of the tags that are excluded from it. */
export interface TagSetting {
  mode: Mutability;
  filters: string[];
}

/** A Verdict says whether a tag that exists may be moved, and which filter decides that, if one does. */
export interface Verdict {
  movable: boolean;
  filter?: string;
}

/** matches reports whether a filter matches a whole tag; its * is any characters or none. */
export function matches(filter: string, tag: string): boolean {
  const [first, ...rest] = filter.split('*');
  const last = rest.pop();
  if (last === undefined) return tag === first;
  if (tag.length < first.length + last.length || !tag.startsWith(first) || !tag.endsWith(last)) return false;
  let from = first.length;
  const end = tag.length - last.length;
  for (const part of rest) {
    const at = tag.indexOf(part, from);
    if (at < 0 || at + part.length > end) return false;
    from = at + part.length;
  }
  return true;
}

/** judge says what a setting means for a tag. */
export function judge({ mode, filters }: TagSetting, tag: string): Verdict {
  const movable = mode.startsWith('MUTABLE');
  if (!mode.endsWith('_WITH_EXCLUSION')) return { movable };
  const filter = filters.find((one) => matches(one, tag));
  return filter === undefined ? { movable } : { movable: !movable, filter };
}
