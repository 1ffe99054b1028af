import { isOperator, matches, nearest, repositoryActions, trustActions } from './actions';
import { checkNames, type Kind, type Report } from './report';
import { listed, memberOf, type Node } from './source';

const elements = [
  ...['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction'],
  ...['Resource', 'NotResource', 'Condition'],
];

const hasPrincipal = (kind: Kind) => kind !== 'identity' && kind !== 'managed';
const hasResource = (kind: Kind) => kind !== 'repository' && kind !== 'trust';

/** checkStatement finds what is wrong in a statement. */
export function checkStatement(statement: Node, kind: Kind, report: Report) {
  checkNames(statement, elements, report);
  checkEffect(statement, report);
  const principal = oneOf(statement, 'Principal', report);
  if (principal && !hasPrincipal(kind)) report('principalForbidden', principal.from);
  if (principal && hasPrincipal(kind)) checkPrincipal(principal, kind, report);
  if (!principal && hasPrincipal(kind)) report('principalMissing', statement.from);
  const actions = oneOf(statement, 'Action', report);
  if (!actions) report('actionMissing', statement.from);
  for (const { value, from } of actions ? textsOf(actions, report) : []) {
    checkAction(value, from, kind, report);
  }
  checkResources(statement, kind, report);
  const condition = memberOf(statement, 'Condition');
  if (condition) checkCondition(condition, report);
  const sid = memberOf(statement, 'Sid');
  if (sid && sid.kind !== 'string') report('notString', sid.from, { name: 'Sid' });
}

function checkEffect(statement: Node, report: Report) {
  const effect = memberOf(statement, 'Effect');
  if (!effect) return report('effectMissing', statement.from);
  if (effect.kind !== 'string' || !['Allow', 'Deny'].includes(effect.value)) report('effect', effect.from);
}

// An element or its negation, and not both.
function oneOf(statement: Node, name: string, report: Report): Node | undefined {
  const plain = memberOf(statement, name);
  const negated = memberOf(statement, `Not${name}`);
  if (plain && negated) report('both', negated.from, { name });
  return plain ?? negated;
}

interface Text {
  value: string;
  from: number;
}

function textsOf(node: Node, report: Report): Text[] {
  if (node.kind === 'array' && node.items.length === 0) report('emptyList', node.from);
  return listed(node).flatMap((item) => {
    if (item.kind !== 'string') report('notText', item.from);
    else if (item.value === '') report('emptyText', item.from);
    else return { value: item.value, from: item.from };
    return [];
  });
}

function checkAction(action: string, at: number, kind: Kind, report: Report) {
  if (kind === 'trust') return checkKnown(action, at, trustActions, 'error', report);
  if (action === '*') return;
  if (!/^[A-Za-z0-9*?-]+:[A-Za-z0-9*?_-]+$/.test(action)) return report('actionForm', at, { action });
  const resourcePolicy = kind === 'repository' || kind === 'registry';
  const ours = /^(ecr|nifuda):/i.test(action);
  if (resourcePolicy) checkKnown(action, at, repositoryActions, 'error', report);
  // Identity policies may name what resource policies cannot, such as nifuda:ListAccounts.
  else if (ours && /^ecr:/i.test(action)) checkKnown(action, at, repositoryActions, 'warning', report);
}

function checkKnown(
  action: string,
  at: number,
  known: string[],
  severity: 'error' | 'warning',
  report: Report,
) {
  // A resource policy may say * alone; a service must be named otherwise.
  const service = action.split(':')[0].toLowerCase();
  const candidates = known.filter((one) => one.startsWith(`${service}:`));
  if (candidates.some((one) => matches(action, one))) return;
  const meant = nearest(action, known);
  if (meant) report('actionMeant', at, { action, meant }, severity);
  else report('actionUnknown', at, { action }, severity);
}

function checkResources(statement: Node, kind: Kind, report: Report) {
  const resources = oneOf(statement, 'Resource', report);
  if (!resources) {
    if (hasResource(kind)) report('resourceMissing', statement.from);
    return;
  }
  if (kind === 'trust') return report('resourceForbidden', resources.from);
  if (kind === 'repository') report('resourceUnneeded', resources.from, undefined, 'warning');
  for (const { value, from } of textsOf(resources, report)) {
    if (value !== '*' && !wellFormed(value, kind)) report('resource', from, { resource: value });
  }
}

function wellFormed(resource: string, kind: Kind): boolean {
  if (kind === 'registry') return /^arn:[^:]*:ecr:[^:]*:[^:]*:repository\/.+$/.test(resource);
  if (kind === 'repository') return true;
  return resource.startsWith('arn:') && (resource.split(':').length > 5 || resource.endsWith('*'));
}

const host = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/;
const forms: Record<string, RegExp> = {
  AWS: /^(\*|\d{12}|arn:[^:]+:(iam|sts)::\d{12}:(root|(user|role|assumed-role)\/.+)|A[A-Z0-9]{15,})$/,
  Service: host,
  Federated: /^([a-z0-9-]+(\.[a-z0-9-]+)+|arn:[^:]+:iam::\d{12}:(oidc|saml)-provider\/.+)$/,
};

function checkPrincipal(principal: Node, kind: Kind, report: Report) {
  if (principal.kind === 'string') {
    if (principal.value !== '*') report('principalStar', principal.from);
    return;
  }
  if (principal.kind !== 'object' || principal.members.length === 0) {
    return report('principalStar', principal.from);
  }
  const types = kind === 'trust' ? ['AWS', 'Service', 'Federated'] : ['AWS', 'Service'];
  for (const { name, from, value } of principal.members) {
    if (!types.includes(name)) {
      report('principalType', from, { name, types: types.join(', ') });
      continue;
    }
    for (const text of textsOf(value, report)) {
      if (!forms[name].test(text.value))
        report('principal', text.from, { principal: text.value, type: name });
    }
  }
}

function checkCondition(condition: Node, report: Report) {
  if (condition.kind !== 'object') return report('notObject', condition.from);
  for (const { name: operator, from, value: keys } of condition.members) {
    if (!isOperator(operator)) report('operator', from, { operator });
    if (keys.kind !== 'object') {
      report('notObject', keys.from);
      continue;
    }
    for (const { name: key, from: at, value } of keys.members) {
      if (!/^[^:]+:.+/.test(key)) report('conditionKey', at, { key });
      checkConditionValues(operator, value, report);
    }
  }
}

function checkConditionValues(operator: string, value: Node, report: Report) {
  if (value.kind === 'array' && value.items.length === 0) report('emptyList', value.from);
  for (const one of listed(value)) {
    const text = one.kind === 'string' ? one.value : one.kind === 'literal' ? one.text : undefined;
    if (text === undefined || text === 'null') report('notText', one.from);
    else if (!fits(operator, text)) report('conditionValue', one.from, { value: text, operator });
  }
}

// The forms that are easily got wrong; the server knows them all.
function fits(operator: string, value: string): boolean {
  if (/IpAddress/.test(operator))
    return /^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(\/\d{1,3})?$/.test(value);
  if (/(^|:)(Bool|Null)/.test(operator)) return /^(true|false)$/i.test(value) || value.startsWith('${');
  if (/(^|:)Numeric/.test(operator)) return value !== '' && Number.isFinite(Number(value));
  return true;
}
