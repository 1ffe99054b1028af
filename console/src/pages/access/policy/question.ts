import type { ExplainAccessRequest } from '../../../api/nifuda.gen';

/** A Question is what the simulator is asked. */
export interface Question {
  principal: string;
  action: string;
  resource: string;
  context: ContextKey[];
}

export interface ContextKey {
  key: string;
  /** Several values are separated by commas. */
  value: string;
}

/** isComplete reports whether a question can be asked. */
export const isComplete = ({ principal, action, resource }: Question) =>
  principal !== '' && action !== '' && resource !== '';

const valuesOf = (value: string) =>
  value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');

const given = (context: ContextKey[]) =>
  context.filter(({ key, value }) => key.trim() !== '' && valuesOf(value).length > 0);

/** requestOf is a question as the server takes it. */
export function requestOf({ principal, action, resource, context }: Question): ExplainAccessRequest {
  const entries = given(context).map(({ key, value }) => ({ Name: key.trim(), Values: valuesOf(value) }));
  return {
    PrincipalArn: principal,
    Action: action,
    Resource: resource,
    ...(entries.length > 0 && { ContextEntries: entries }),
  };
}

/** explainCommand asks the same by nifuda's own command; the AWS CLI does not know of it. */
export function explainCommand({ principal, action, resource, context }: Question): string[] {
  const pairs = given(context).flatMap(({ key, value }) =>
    valuesOf(value).flatMap((one) => ['--context', `${key.trim()}=${one}`]),
  );
  const who = ['--principal', principal, '--action', action, '--resource', resource];
  return ['nifuda', 'policy', 'explain', ...who, ...pairs];
}

/** questionIn is the question of an address. */
export const questionIn = (query: URLSearchParams): Question => ({
  principal: query.get('principal') ?? '',
  action: query.get('action') ?? '',
  resource: query.get('resource') ?? '',
  context: query.getAll('context').map((pair) => {
    const [key, ...rest] = pair.split('=');
    return { key, value: rest.join('=') };
  }),
});

/** addressOf are the parameters by which an address has a question. */
export function addressOf(question: Question): URLSearchParams {
  const { principal, action, resource, context } = question;
  const query = new URLSearchParams({ principal, action, resource });
  for (const { key, value } of given(context)) query.append('context', `${key}=${value}`);
  return query;
}
