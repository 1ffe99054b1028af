import { judge, type TagSetting } from '../../lib/immutability';

/** TagProblem is what is wrong with the name of a tag. */
export type TagProblem = 'empty' | 'long' | 'first' | 'characters';

/** checkTag tells what keeps a text from being the name of a tag. */
export function checkTag(name: string): TagProblem | undefined {
  if (name === '') return 'empty';
  if (!/^[A-Za-z0-9._-]+$/.test(name)) return 'characters';
  if (/^[.-]/.test(name)) return 'first';
  if (name.length > 128) return 'long';
  return undefined;
}

/** An Outlook is what would become of a tag that is pointed at an image. */
export interface Outlook {
  result: 'new' | 'moves' | 'same' | 'blocked';
  /** The exclusion filter that decides about the tag, if one does. */
  filter?: string;
}

/** outlook tells what a repository's setting means for a tag that points at one digest, or at nothing, and shall point at another. */
export function outlook(setting: TagSetting, tag: string, now: string | undefined, then: string): Outlook {
  if (!now) return { result: 'new' };
  if (now === then) return { result: 'same' };
  const { movable, filter } = judge(setting, tag);
  return { result: movable ? 'moves' : 'blocked', filter };
}
