import { describe, expect, it } from 'vitest';
import actions from '../../../internal/iam/actions.go?raw';
import { isOperator, matches, repositoryActions } from '../../src/pages/access/policy/actions';
import { checkPolicy, isSound, statementRanges } from '../../src/pages/access/policy/check';
import type { Kind } from '../../src/pages/access/policy/report';

const policy = (statement: object, more: object = {}) =>
  JSON.stringify({ Version: '2012-10-17', Statement: [statement], ...more }, null, 2);
const allow = { Effect: 'Allow', Principal: '*', Action: 'ecr:BatchGetImage' };
const flaws = (text: string, kind: Kind = 'repository') => checkPolicy(text, kind).map(({ flaw }) => flaw);

it('knows the actions that the server knows', () => {
  const known = [...actions.matchAll(/^\t\w+ += "((?:ecr|nifuda):\w+)"/gm)].map(([, name]) => name);
  expect(known.length).toBeGreaterThan(70);
  expect([...repositoryActions].sort()).toEqual(known.sort());
});

describe('JSON', () => {
  it.each([
    ['', 'json.empty', 1, 1],
    ['{\n  "Version": "2012-10-17"\n  "Statement": []\n}', 'json.comma', 3, 3],
    ['{"Version": "2012-10-17",}', 'json.name', 1, 26],
    ['{\n"Version" "x"}', 'json.colon', 2, 11],
    ['{"Version": 2012-10-17}', 'json.value', 1, 13],
    ['{"Version": "2012', 'json.string', 1, 13],
    ['{"a": "\\x"}', 'json.escape', 1, 7],
    ['{} {}', 'json.end', 1, 4],
    ['['.repeat(5000), 'json.deep', 1, 52],
    ["{'Version': 1}", 'json.name', 1, 2],
  ])('%j: %s', (text, flaw, line, column) => {
    expect(checkPolicy(text, 'repository')).toMatchObject([{ flaw, line, column, severity: 'error' }]);
  });

  it.each(['0', '-1.5e3', 'true', 'null', '"x"', '[]'])('reads %s, which is no policy', (text) => {
    expect(flaws(text)).toEqual(['notObject']);
  });
});

describe('any policy', () => {
  it('takes what is right', () => {
    expect(checkPolicy(policy(allow), 'repository')).toEqual([]);
    expect(flaws(JSON.stringify({ Version: '2008-10-17', Statement: allow }))).toEqual([]);
  });

  it.each([
    [{ ...allow, Effect: 'allow' }, 'effect'],
    [{ ...allow, Effect: undefined }, 'effectMissing'],
    [{ ...allow, Principal: undefined }, 'principalMissing'],
    [{ ...allow, Principal: 'me' }, 'principalStar'],
    [{ ...allow, Principal: {} }, 'principalStar'],
    [{ ...allow, Principal: { AWS: 'arn:aws:iam::12:user/x' } }, 'principal'],
    [{ ...allow, Principal: { Federated: 'a.example.com' } }, 'principalType'],
    [{ ...allow, Principal: { AWS: [] } }, 'emptyList'],
    [{ ...allow, NotPrincipal: '*' }, 'both'],
    [{ ...allow, Action: undefined }, 'actionMissing'],
    [{ ...allow, Action: [7] }, 'notText'],
    [{ ...allow, Action: '' }, 'emptyText'],
    [{ ...allow, Action: 'BatchGetImage' }, 'actionForm'],
    [{ ...allow, Action: 'ecr:BatchGetImages' }, 'actionMeant'],
    [{ ...allow, Action: 's3:GetObject' }, 'actionUnknown'],
    [{ ...allow, Effects: 'Allow' }, 'unknownElement'],
    [{ ...allow, Resource: '*' }, 'resourceUnneeded'],
    [{ ...allow, Sid: 1 }, 'notString'],
    [{ ...allow, Condition: [] }, 'notObject'],
    [{ ...allow, Condition: { StringIs: { 'aws:SourceIp': 'x' } } }, 'operator'],
    [{ ...allow, Condition: { StringEquals: 'x' } }, 'notObject'],
    [{ ...allow, Condition: { StringEquals: { SourceIp: 'x' } } }, 'conditionKey'],
    [{ ...allow, Condition: { IpAddress: { 'aws:SourceIp': 'office' } } }, 'conditionValue'],
    [{ ...allow, Condition: { Bool: { 'aws:SecureTransport': 'yes' } } }, 'conditionValue'],
    [{ ...allow, Condition: { StringEquals: { 'aws:SourceIp': null } } }, 'notText'],
  ])('%j: %s', (statement, flaw) => {
    expect(flaws(policy(statement))).toEqual([flaw]);
  });

  it('takes conditions of all forms', () => {
    const Condition = {
      IpAddress: { 'aws:SourceIp': ['203.0.113.0/24', '2001:db8::/32'] },
      Bool: { 'aws:SecureTransport': true },
      'ForAnyValue:StringLikeIfExists': { 'nifuda:ImageTag': ['prod-*'] },
      Null: { 'aws:TokenIssueTime': 'false' },
    };
    expect(flaws(policy({ ...allow, Condition }))).toEqual([]);
  });

  it('needs statements, and wants a version', () => {
    expect(flaws('{"Version": "2012-10-17"}')).toEqual(['statementMissing']);
    expect(flaws('{"Version": "2012-10-17", "Statement": []}')).toEqual(['emptyList']);
    expect(flaws('{"Version": "2012-10-17", "Statement": ["x"]}')).toEqual(['notObject']);
    const old = checkPolicy(JSON.stringify({ Statement: allow }), 'repository');
    expect(old).toMatchObject([{ flaw: 'versionMissing', severity: 'warning' }]);
    expect(isSound(old)).toBe(true);
    expect(flaws(policy(allow, { Version: '2020-01-01' }))).toEqual(['version']);
  });

  it('says where', () => {
    const text = policy({ ...allow, Action: 'ecr:PutImages' });
    const [problem] = checkPolicy(text, 'repository');
    expect(text.split('\n')[problem.line - 1].slice(problem.column - 1)).toBe('"ecr:PutImages"');
    expect(problem.values).toEqual({ action: 'ecr:PutImages', meant: 'ecr:PutImage' });
  });

  it('finds names that are there twice, and texts that are too long', () => {
    expect(flaws('{"Version": "2012-10-17", "Version": "2012-10-17", "Statement": []}')).toEqual([
      'twice',
      'emptyList',
    ]);
    expect(flaws(policy(allow, { Id: 'x'.repeat(11_000) }))).toEqual(['long']);
  });
});

describe('each kind', () => {
  const identity = { Effect: 'Allow', Action: 'ecr:*', Resource: '*' };
  const trust = { Effect: 'Allow', Principal: { AWS: '123456789012' }, Action: 'sts:AssumeRole' };
  it.each<[Kind, object, string[]]>([
    ['registry', { ...allow, Resource: 'arn:aws:ecr:us-east-1:123456789012:repository/*' }, []],
    ['registry', allow, ['resourceMissing']],
    ['registry', { ...allow, Resource: 'arn:aws:s3:::x' }, ['resource']],
    ['identity', identity, []],
    ['identity', { ...identity, Principal: '*' }, ['principalForbidden']],
    ['identity', { ...identity, Resource: 'x' }, ['resource']],
    ['identity', { ...identity, Action: 's3:GetObject' }, []],
    ['identity', { ...identity, Action: 'nifuda:ListAccounts' }, []],
    ['identity', { ...identity, Action: 'ecr:PutImages' }, ['actionMeant']],
    ['identity', { ...identity, Sid: 'a b' }, ['sid']],
    ['managed', identity, []],
    ['trust', trust, []],
    ['trust', { ...trust, Resource: '*' }, ['resourceForbidden']],
    ['trust', { ...trust, Action: 'ecr:PutImage' }, ['actionUnknown']],
    [
      'trust',
      { ...trust, Principal: { Federated: 'arn:aws:iam::123456789012:oidc-provider/x.example' } },
      [],
    ],
    ['key', { ...allow, Action: 'kms:*', Resource: '*' }, []],
    ['key', { ...allow, Action: 'kms:*' }, ['resourceMissing']],
  ])('%s %j', (kind, statement, expected) => {
    expect(flaws(policy(statement), kind)).toEqual(expected);
  });

  it('has Sids of identity policies once', () => {
    const Statement = [
      { ...identity, Sid: 'A' },
      { ...identity, Sid: 'A' },
    ];
    expect(flaws(JSON.stringify({ Version: '2012-10-17', Statement }), 'identity')).toEqual(['sidTwice']);
    expect(flaws(JSON.stringify({ Version: '2008-10-17', Statement: identity }), 'managed')).toEqual([
      'version',
    ]);
  });
});

it('matches actions without case', () => {
  expect(matches('ecr:batch*', 'ecr:BatchGetImage')).toBe(true);
  expect(matches('ecr:Put?mage', 'ecr:PutImage')).toBe(true);
  expect(matches('ecr:Put', 'ecr:PutImage')).toBe(false);
  expect(isOperator('ForAllValue:StringLike')).toBe(false);
});

it('finds the lines of statements', () => {
  expect(statementRanges(policy(allow))).toEqual([[4, 8]]);
  expect(statementRanges('{')).toEqual([]);
});
