import { pull, push } from './actions';
import { checkPolicy } from './check';
import type { Kind } from './report';
import { memberOf, read } from './source';

/** A Scene is where a policy is written: what its templates put in. */
export interface Scene {
  account: string;
  region: string;
}

type Statement = Record<string, unknown>;

/** TemplateName is a common wish; the dictionary says what it is. */
export type TemplateName =
  | 'pullAccount'
  | 'pushRole'
  | 'publicPull'
  | 'denyDelete'
  | 'addresses'
  | 'ci'
  | 'protectTags'
  | 'lambda'
  | 'replicate'
  | 'identityPull'
  | 'identityPush'
  | 'identityRead'
  | 'trustAccount'
  | 'trustUser'
  | 'trustGithub'
  | 'keyAccount'
  | 'keyRole';

// An account of the documentation of AWS, to be replaced.
const other = '111122223333';
const root = (account: string) => ({ AWS: `arn:aws:iam::${account}:root` });
const role = ({ account }: Scene, name: string) => ({ AWS: `arn:aws:iam::${account}:role/${name}` });
const login = { Sid: 'SignIn', Effect: 'Allow', Action: 'ecr:GetAuthorizationToken', Resource: '*' };
const allRepositories = ({ account, region }: Scene) => `arn:aws:ecr:${region}:${account}:repository/*`;

const github = 'token.actions.githubusercontent.com';

const statements: Record<TemplateName, (scene: Scene) => Statement[]> = {
  pullAccount: () => [
    { Sid: 'PullFromAccount', Effect: 'Allow', Principal: root(other), Action: ['ecr:ListImages', ...pull] },
  ],
  pushRole: (scene) => [
    { Sid: 'PushAndPull', Effect: 'Allow', Principal: role(scene, 'deploy'), Action: [...pull, ...push] },
  ],
  publicPull: () => [{ Sid: 'AnyoneMayPull', Effect: 'Allow', Principal: '*', Action: pull }],
  denyDelete: () => [
    {
      Sid: 'NoDeletion',
      Effect: 'Deny',
      Principal: '*',
      Action: ['ecr:BatchDeleteImage', 'ecr:DeleteRepository'],
    },
  ],
  addresses: () => [
    {
      Sid: 'OnlyFromOurNetwork',
      Effect: 'Deny',
      Principal: '*',
      Action: [...pull, ...push],
      Condition: { NotIpAddress: { 'aws:SourceIp': ['203.0.113.0/24'] } },
    },
  ],
  ci: (scene) => [
    { Sid: 'Pipeline', Effect: 'Allow', Principal: role(scene, 'github'), Action: [...pull, ...push] },
  ],
  protectTags: (scene) => [
    {
      Sid: 'OnlyReleasesTagProd',
      Effect: 'Deny',
      NotPrincipal: role(scene, 'release'),
      Action: ['ecr:PutImage', 'ecr:BatchDeleteImage'],
      Condition: { StringLike: { 'nifuda:ImageTag': 'prod-*' } },
    },
  ],
  lambda: () => [
    { Sid: 'LambdaPull', Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: pull },
  ],
  replicate: () => [
    {
      Sid: 'Replication',
      Effect: 'Allow',
      Principal: root(other),
      Action: ['ecr:CreateRepository', 'ecr:ReplicateImage'],
    },
  ],
  identityPull: (scene) => [
    login,
    { Sid: 'Pull', Effect: 'Allow', Action: pull, Resource: allRepositories(scene) },
  ],
  identityPush: (scene) => [
    login,
    { Sid: 'Push', Effect: 'Allow', Action: [...pull, ...push], Resource: allRepositories(scene) },
  ],
  identityRead: () => [
    {
      Sid: 'Look',
      Effect: 'Allow',
      Action: ['ecr:Describe*', 'ecr:Get*', 'ecr:List*', 'ecr:BatchGet*', 'nifuda:Search*'],
      Resource: '*',
    },
  ],
  trustAccount: () => [{ Effect: 'Allow', Principal: root(other), Action: 'sts:AssumeRole' }],
  trustUser: ({ account }) => [
    { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:user/ann` }, Action: 'sts:AssumeRole' },
  ],
  trustGithub: ({ account }) => [
    {
      Effect: 'Allow',
      Principal: { Federated: `arn:aws:iam::${account}:oidc-provider/${github}` },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: {
        StringEquals: { [`${github}:aud`]: 'nifuda' },
        StringLike: { [`${github}:sub`]: 'repo:example/app:ref:refs/heads/main' },
      },
    },
  ],
  keyAccount: ({ account }) => [
    { Sid: 'Account', Effect: 'Allow', Principal: root(account), Action: 'kms:*', Resource: '*' },
  ],
  keyRole: (scene) => [
    {
      Sid: 'CreateRepositories',
      Effect: 'Allow',
      Principal: role(scene, 'deploy'),
      Action: ['kms:DescribeKey', 'kms:CreateGrant', 'kms:RetireGrant'],
      Resource: '*',
      Condition: { StringEquals: { 'kms:ViaService': `ecr.${scene.region}.amazonaws.com` } },
    },
  ],
};

const ofRepositories: TemplateName[] = [
  ...(['pullAccount', 'pushRole', 'ci', 'publicPull', 'lambda'] as const),
  ...(['denyDelete', 'addresses', 'protectTags'] as const),
];

const identity: TemplateName[] = ['identityPull', 'identityPush', 'identityRead'];

/** templatesFor are the wishes that a kind of policy can grant. */
export const templatesFor: Record<Kind, TemplateName[]> = {
  repository: ofRepositories,
  registry: ['replicate', ...ofRepositories],
  identity,
  managed: identity,
  trust: ['trustAccount', 'trustUser', 'trustGithub'],
  key: ['keyAccount', 'keyRole'],
};

/** statementsOf are the statements of a template, as a kind of policy has them. */
export function statementsOf(name: TemplateName, kind: Kind, scene: Scene): Statement[] {
  const made = statements[name](scene);
  if (kind !== 'registry') return made;
  return made.map((one) => ({ ...one, Resource: allRepositories(scene) }));
}

/** withTemplate adds the statements of a template to a policy, or begins one when the text is none. */
export function withTemplate(text: string, name: TemplateName, kind: Kind, scene: Scene): string {
  const added = statementsOf(name, kind, scene);
  const fresh = { Version: '2012-10-17', Statement: added };
  if (text.trim() === '') return JSON.stringify(fresh, null, 2);
  const document = JSON.parse(text) as { Statement?: unknown };
  const { Statement: before } = document;
  const present = Array.isArray(before) ? before : before === undefined ? [] : [before];
  return JSON.stringify({ ...document, Statement: [...present, ...added] }, null, 2);
}

/** takesTemplate reports whether statements can be added to a text without anything of it being lost. */
export function takesTemplate(text: string, kind: Kind): boolean {
  if (text.trim() === '') return true;
  const problems = checkPolicy(text, kind);
  return problems.every(({ flaw }) => !flaw.startsWith('json.') && flaw !== 'twice' && flaw !== 'notObject');
}

/** opensToAnyone reports whether a policy allows something to everyone. */
export function opensToAnyone(text: string): boolean {
  try {
    const statements = memberOf(read(text), 'Statement');
    const all = statements?.kind === 'array' ? statements.items : statements ? [statements] : [];
    return all.some((one) => {
      const effect = memberOf(one, 'Effect');
      const principal = memberOf(one, 'Principal');
      return effect?.kind === 'string' && effect.value === 'Allow' && principal?.kind === 'string';
    });
  } catch {
    return false;
  }
}
