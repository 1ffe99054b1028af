// What policies may name. A test holds that the server knows the same.

const ecr = `BatchCheckLayerAvailability BatchDeleteImage BatchGetImage BatchGetRepositoryScanningConfiguration
BatchImportUpstreamImage CompleteLayerUpload CreatePullThroughCacheRule CreateRepository
CreateRepositoryCreationTemplate DeleteLifecyclePolicy DeletePullThroughCacheRule DeleteRegistryPolicy
DeleteRepository DeleteRepositoryCreationTemplate DeleteRepositoryPolicy DeleteSigningConfiguration
DeregisterPullTimeUpdateExclusion DescribeImageReplicationStatus DescribeImageScanFindings
DescribeImageSigningStatus DescribeImages DescribePullThroughCacheRules DescribeRegistry
DescribeReplicationBackfillResults DescribeRepositories DescribeRepositoryCreationTemplates GetAccountSetting
GetAuthorizationToken GetDownloadUrlForLayer GetImageCopyStatus GetLifecyclePolicy GetLifecyclePolicyPreview
GetRegistryPolicy GetRegistryScanningConfiguration GetRepositoryPolicy GetSigningConfiguration
InitiateLayerUpload ListImages ListPullTimeUpdateExclusions ListReplicationBackfills ListTagsForResource
PutAccountSetting PutImage PutImageScanningConfiguration PutImageTagMutability PutLifecyclePolicy
PutRegistryPolicy PutRegistryScanningConfiguration PutReplicationConfiguration PutSigningConfiguration
RegisterPullTimeUpdateExclusion ReplicateImage SetRepositoryPolicy StartImageScan StartLifecyclePolicyPreview
StartReplicationBackfill StopReplicationBackfill TagResource UntagResource UpdateImageStorageClass
UpdatePullThroughCacheRule UpdateRepositoryCreationTemplate UploadLayerPart ValidatePullThroughCacheRule`;

const own = `DescribePullStatistics DescribeRegistryStatistics DescribeStorage DescribeTagHistory ListDeletedImages
ListDeletedRepositories ListEvents RestoreImage RestoreRepository RestoreTag SearchImages SearchRepositories
SearchTags`;

const sts = `AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity SetContext SetSourceIdentity TagSession`;

const named = (service: string, names: string) => names.split(/\s+/).map((name) => `${service}:${name}`);

/** The actions that policies of repositories and registries may name. */
export const repositoryActions = [...named('ecr', ecr), ...named('nifuda', own)];

/** The actions that trust policies may name. */
export const trustActions = named('sts', sts);

export const pull = ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'];
export const push = [
  'ecr:BatchCheckLayerAvailability',
  'ecr:InitiateLayerUpload',
  'ecr:UploadLayerPart',
  'ecr:CompleteLayerUpload',
  'ecr:PutImage',
];

/** matches reports whether a pattern of actions covers an action; case does not count. */
export function matches(pattern: string, action: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*+/g, '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'i').test(action);
}

/** nearest is the action that was probably meant, if one is close. */
export function nearest(typed: string, actions: string[]): string | undefined {
  const near = actions
    .map((action) => ({ action, distance: distance(typed.toLowerCase(), action.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near.distance <= 4 ? near.action : undefined;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + same);
    }
    row = next;
  }
  return row[b.length];
}

const operators = [
  ...['String', 'Numeric', 'Date', 'Arn'].flatMap((type) => [`${type}Equals`, `${type}NotEquals`]),
  ...['String', 'Arn'].flatMap((type) => [`${type}Like`, `${type}NotLike`]),
  ...['StringEqualsIgnoreCase', 'StringNotEqualsIgnoreCase'],
  ...['Numeric', 'Date'].flatMap((type) =>
    ['LessThan', 'LessThanEquals', 'GreaterThan', 'GreaterThanEquals'].map((order) => type + order),
  ),
  ...['Bool', 'BinaryEquals', 'IpAddress', 'NotIpAddress'],
];

/** isOperator reports whether a condition can have an operator of that name. */
export function isOperator(name: string): boolean {
  const bare = name.replace(/^ForA(ny|ll)Values?:/, (set) =>
    set === 'ForAnyValue:' || set === 'ForAllValues:' ? '' : set,
  );
  return bare === 'Null' || operators.includes(bare.replace(/IfExists$/, ''));
}
