import type { Node, Reason } from './source';

/** A Kind is what a policy is for; each has rules of its own. */
export type Kind = 'repository' | 'registry' | 'identity' | 'managed' | 'trust' | 'key';

/** Why a policy is not taken, or may not do what is meant; the dictionary has a text for each. */
export type Flaw =
  | `json.${Reason}`
  | 'notObject'
  | 'notString'
  | 'notText'
  | 'unknownElement'
  | 'twice'
  | 'emptyList'
  | 'emptyText'
  | 'long'
  | 'versionMissing'
  | 'version'
  | 'statementMissing'
  | 'effectMissing'
  | 'effect'
  | 'both'
  | 'principalMissing'
  | 'principalForbidden'
  | 'principal'
  | 'principalType'
  | 'principalStar'
  | 'actionMissing'
  | 'actionForm'
  | 'actionUnknown'
  | 'actionMeant'
  | 'resourceMissing'
  | 'resourceForbidden'
  | 'resourceUnneeded'
  | 'resource'
  | 'operator'
  | 'conditionKey'
  | 'conditionValue'
  | 'sid'
  | 'sidTwice';

/** A Finding is a flaw, at a position of the text. */
export interface Finding {
  flaw: Flaw;
  at: number;
  severity: 'error' | 'warning';
  values?: Record<string, string | number>;
}

/** A Problem is a finding with its line and column, counted from one. */
export interface Problem extends Finding {
  line: number;
  column: number;
}

/** Report takes what is found. */
export type Report = (
  flaw: Flaw,
  at: number,
  values?: Record<string, string | number>,
  severity?: 'error' | 'warning',
) => void;

/** checkNames finds members that nothing has by such a name, and those that are there twice. */
export function checkNames(node: Node, known: string[], report: Report) {
  if (node.kind !== 'object') return;
  const seen = new Set<string>();
  for (const { name, from } of node.members) {
    if (!known.includes(name)) report('unknownElement', from, { name });
    else if (seen.has(name)) report('twice', from, { name });
    seen.add(name);
  }
}
