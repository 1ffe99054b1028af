import { checkNames, type Finding, type Kind, type Problem, type Report } from './report';
import { JsonError, listed, memberOf, type Node, placeOf, read } from './source';
import { checkStatement } from './statement';

const limits: Partial<Record<Kind, number>> = {
  repository: 10240,
  registry: 10240,
  managed: 6144,
  key: 32768,
};

// IAM counts no white space.
const sizeOf = (text: string, kind: Kind) =>
  kind === 'managed' ? text.replace(/[ \t\r\n]/g, '').length : text.length;

/** checkPolicy are the problems of a policy, in the order of the text. */
export function checkPolicy(text: string, kind: Kind): Problem[] {
  const found: Finding[] = [];
  const report: Report = (flaw, at, values, severity = 'error') => found.push({ flaw, at, severity, values });
  const limit = limits[kind];
  if (limit && sizeOf(text, kind) > limit) report('long', text.length, { limit });
  try {
    checkDocument(read(text), kind, report);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    report(`json.${error.reason}`, error.at);
  }
  return found.sort((a, b) => a.at - b.at).map((one) => ({ ...one, ...placeOf(text, one.at) }));
}

/** isSound reports whether nothing keeps a policy from being sent. */
export const isSound = (problems: Problem[]) => problems.every(({ severity }) => severity !== 'error');

function checkDocument(document: Node, kind: Kind, report: Report) {
  if (document.kind !== 'object') return report('notObject', document.from);
  checkNames(document, ['Version', 'Id', 'Statement'], report);
  checkVersion(document, kind, report);
  const statements = memberOf(document, 'Statement');
  if (!statements) return report('statementMissing', document.from);
  if (listed(statements).length === 0) report('emptyList', statements.from);
  const seen = new Set<string>();
  for (const statement of listed(statements)) {
    if (statement.kind !== 'object') {
      report('notObject', statement.from);
      continue;
    }
    checkStatement(statement, kind, report);
    if (kind !== 'repository' && kind !== 'registry' && kind !== 'key') checkSid(statement, seen, report);
  }
}

function checkVersion(document: Node, kind: Kind, report: Report) {
  const version = memberOf(document, 'Version');
  if (!version) {
    return report('versionMissing', document.from, undefined, kind === 'managed' ? 'error' : 'warning');
  }
  const value = version.kind === 'string' ? version.value : '';
  if (value === '2012-10-17' || (value === '2008-10-17' && kind !== 'managed')) return;
  report('version', version.from);
}

function checkSid(statement: Node, seen: Set<string>, report: Report) {
  const sid = memberOf(statement, 'Sid');
  if (sid?.kind !== 'string' || sid.value === '') return;
  if (!/^[0-9A-Za-z]*$/.test(sid.value)) report('sid', sid.from);
  if (seen.has(sid.value)) report('sidTwice', sid.from, { sid: sid.value });
  seen.add(sid.value);
}

/** statementRanges are the lines of each statement, first and last; none when the text is no JSON. */
export function statementRanges(text: string): [first: number, last: number][] {
  try {
    const statements = memberOf(read(text), 'Statement');
    if (!statements) return [];
    return listed(statements).map(({ from, to }) => [placeOf(text, from).line, placeOf(text, to).line]);
  } catch {
    return [];
  }
}
