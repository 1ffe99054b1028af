import { filterProblem } from '../../lib/exclusionFilter';
import type { Mutability } from '../../lib/immutability';
import { nameProblem } from '../../lib/repositoryName';
import { aws } from '../../lib/shell';

export interface ResourceTag {
  key: string;
  value: string;
}

export type EncryptionType = 'AES256' | 'KMS' | 'KMS_DSSE';

/** Settings are what the forms of a repository are about. */
export interface Settings {
  name: string;
  mode: Mutability;
  filters: string[];
  scanOnPush: boolean;
  encryption: EncryptionType;
  /** A key, its ARN or an alias; the registry's own without it. */
  kmsKey: string;
  tags: ResourceTag[];
}

export const fresh: Settings = {
  name: '',
  mode: 'MUTABLE',
  filters: [],
  scanOnPush: false,
  encryption: 'AES256',
  kmsKey: '',
  tags: [],
};

/** excludes reports whether a setting has filters. */
export const excludes = (mode: Mutability) => mode.endsWith('_WITH_EXCLUSION');

/** filtersOf are the filters that count: those of another setting are kept in the form alone. */
export const filtersOf = ({ mode, filters }: Settings) => (excludes(mode) ? filters : []);

const validFilters = ({ mode, filters }: Settings) =>
  !excludes(mode) ||
  (filters.length > 0 && filters.every((one, i) => !filterProblem(one, filters.slice(0, i))));

/** valid reports whether the server would take the settings. */
export const valid = (settings: Settings) => !nameProblem(settings.name) && validFilters(settings);

/** validChange is valid for a repository that is there. */
export const validChange = validFilters;

const wireFilters = (settings: Settings) =>
  filtersOf(settings).map((filter) => ({ filterType: 'WILDCARD' as const, filter }));

const wireTags = (tags: ResourceTag[]) => tags.map(({ key, value }) => ({ Key: key, Value: value }));

function wireEncryption({ encryption, kmsKey }: Settings) {
  if (encryption === 'AES256') return { encryptionType: encryption };
  return { encryptionType: encryption, ...(kmsKey.trim() && { kmsKey: kmsKey.trim() }) };
}

/** creation is the input of CreateRepository. */
export function creation(settings: Settings) {
  const filters = wireFilters(settings);
  return {
    repositoryName: settings.name,
    imageTagMutability: settings.mode,
    ...(filters.length > 0 && { imageTagMutabilityExclusionFilters: filters }),
    imageScanningConfiguration: { scanOnPush: settings.scanOnPush },
    encryptionConfiguration: wireEncryption(settings),
    ...(settings.tags.length > 0 && { tags: wireTags(settings.tags) }),
  };
}

const simple = /^[^\s,='"[\]{}\\]+$/;

// The short form of the AWS CLI where it can say the values, else JSON.
function structures(all: Record<string, string>[]): string[] | undefined {
  if (all.length === 0) return undefined;
  const values = all.flatMap((one) => Object.values(one));
  if (!values.every((value) => simple.test(value))) return [JSON.stringify(all)];
  return all.map((one) =>
    Object.entries(one)
      .map(([name, value]) => `${name}=${value}`)
      .join(','),
  );
}

/** creationCommand does with the AWS CLI what the form does. */
export function creationCommand(settings: Settings): string[] {
  const { encryption, scanOnPush, tags } = settings;
  return aws('ecr', 'create-repository', {
    'repository-name': settings.name || 'NAME',
    'image-tag-mutability': settings.mode === 'MUTABLE' ? undefined : settings.mode,
    'image-tag-mutability-exclusion-filters': structures(wireFilters(settings)),
    'image-scanning-configuration': scanOnPush ? 'scanOnPush=true' : undefined,
    'encryption-configuration':
      encryption === 'AES256' ? undefined : structures([wireEncryption(settings)])?.[0],
    tags: structures(wireTags(tags)),
  });
}

/** A Change is what differs from the settings that a repository has; each part is a call of its own. */
export interface Change {
  mutability?: { mode: Mutability; filters: { filterType: 'WILDCARD'; filter: string }[] };
  scanOnPush?: boolean;
  tagged?: { Key: string; Value: string }[];
  untagged?: string[];
}

/** changeOf compares settings with those before. */
export function changeOf(before: Settings, after: Settings): Change {
  const change: Change = {};
  const was = filtersOf(before).join(' ');
  if (before.mode !== after.mode || was !== filtersOf(after).join(' ')) {
    change.mutability = { mode: after.mode, filters: wireFilters(after) };
  }
  if (before.scanOnPush !== after.scanOnPush) change.scanOnPush = after.scanOnPush;
  const had = new Map(before.tags.map(({ key, value }) => [key, value]));
  const tagged = after.tags.filter(({ key, value }) => had.get(key) !== value);
  const kept = new Set(after.tags.map(({ key }) => key));
  const untagged = before.tags.map(({ key }) => key).filter((key) => !kept.has(key));
  if (tagged.length > 0) change.tagged = wireTags(tagged);
  if (untagged.length > 0) change.untagged = untagged;
  return change;
}

export const isNothing = (change: Change) => Object.keys(change).length === 0;

/** changeCommands do with the AWS CLI what the form does. */
export function changeCommands(name: string, arn: string, change: Change): string[][] {
  const { mutability, scanOnPush, tagged, untagged } = change;
  const commands: string[][] = [];
  const add = (operation: string, options: Parameters<typeof aws>[2]) =>
    commands.push(aws('ecr', operation, options));
  if (mutability) {
    add('put-image-tag-mutability', {
      'repository-name': name,
      'image-tag-mutability': mutability.mode,
      'image-tag-mutability-exclusion-filters': structures(mutability.filters),
    });
  }
  if (scanOnPush !== undefined) {
    add('put-image-scanning-configuration', {
      'repository-name': name,
      'image-scanning-configuration': `scanOnPush=${scanOnPush}`,
    });
  }
  if (tagged) add('tag-resource', { 'resource-arn': arn, tags: structures(tagged) });
  if (untagged) add('untag-resource', { 'resource-arn': arn, 'tag-keys': untagged });
  return commands;
}
