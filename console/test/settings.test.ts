import { describe, expect, it } from 'vitest';
import { commandLine } from '../src/lib/shell';
import {
  changeCommands,
  changeOf,
  creation,
  creationCommand,
  fresh,
  isNothing,
  type Settings,
  valid,
} from '../src/pages/repositories/settings';

const app: Settings = { ...fresh, name: 'team/app' };
const protectedApp: Settings = {
  ...app,
  mode: 'IMMUTABLE_WITH_EXCLUSION',
  filters: ['latest', 'dev-*'],
  scanOnPush: true,
  encryption: 'KMS',
  kmsKey: 'alias/registry',
  tags: [{ key: 'env', value: 'prod' }],
};

describe('creation', () => {
  it('leaves out what was not asked for', () =>
    expect(creation({ ...app, filters: ['v*'], kmsKey: 'x' })).toEqual({
      repositoryName: 'team/app',
      imageTagMutability: 'MUTABLE',
      imageScanningConfiguration: { scanOnPush: false },
      encryptionConfiguration: { encryptionType: 'AES256' },
    }));

  it('has all that was', () =>
    expect(creation(protectedApp)).toEqual({
      repositoryName: 'team/app',
      imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION',
      imageTagMutabilityExclusionFilters: [
        { filterType: 'WILDCARD', filter: 'latest' },
        { filterType: 'WILDCARD', filter: 'dev-*' },
      ],
      imageScanningConfiguration: { scanOnPush: true },
      encryptionConfiguration: { encryptionType: 'KMS', kmsKey: 'alias/registry' },
      tags: [{ Key: 'env', Value: 'prod' }],
    }));
});

it('writes the command of the AWS CLI', () => {
  expect(commandLine(creationCommand(app))).toBe('aws ecr create-repository --repository-name team/app');
  expect(commandLine(creationCommand(protectedApp))).toBe(
    'aws ecr create-repository --repository-name team/app --image-tag-mutability IMMUTABLE_WITH_EXCLUSION' +
      " --image-tag-mutability-exclusion-filters filterType=WILDCARD,filter=latest 'filterType=WILDCARD,filter=dev-*'" +
      ' --image-scanning-configuration scanOnPush=true' +
      ' --encryption-configuration encryptionType=KMS,kmsKey=alias/registry --tags Key=env,Value=prod',
  );
  const spaced = { ...app, tags: [{ key: 'owner', value: "O'Neil, Ann" }] };
  expect(creationCommand(spaced).at(-1)).toBe(`[{"Key":"owner","Value":"O'Neil, Ann"}]`);
});

it('takes only what the server takes', () => {
  expect(valid(app)).toBe(true);
  expect(valid({ ...app, name: 'App' })).toBe(false);
  expect(valid({ ...app, mode: 'IMMUTABLE_WITH_EXCLUSION' })).toBe(false);
  expect(valid({ ...app, mode: 'IMMUTABLE_WITH_EXCLUSION', filters: ['a*b*c*'] })).toBe(false);
  expect(valid({ ...app, mode: 'IMMUTABLE', filters: ['a b'] })).toBe(true);
  expect(valid(protectedApp)).toBe(true);
});

it('changes by calls of their own what differs', () => {
  expect(isNothing(changeOf(protectedApp, protectedApp))).toBe(true);
  const after: Settings = {
    ...protectedApp,
    mode: 'IMMUTABLE',
    scanOnPush: false,
    tags: [{ key: 'team', value: 'x' }],
  };
  const commands = changeCommands('team/app', 'arn:x', changeOf(protectedApp, after)).map((words) =>
    commandLine(words),
  );
  expect(commands).toEqual([
    'aws ecr put-image-tag-mutability --repository-name team/app --image-tag-mutability IMMUTABLE',
    'aws ecr put-image-scanning-configuration --repository-name team/app --image-scanning-configuration scanOnPush=false',
    'aws ecr tag-resource --resource-arn arn:x --tags Key=team,Value=x',
    'aws ecr untag-resource --resource-arn arn:x --tag-keys env',
  ]);
});
